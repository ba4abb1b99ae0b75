"""``napari-padis priors``: list, show, download, add, import and remove priors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli import import_prior
from napari_padis.cli.catalogue import Json, show
from napari_padis.cli.errors import OneSentenceGroup
from napari_padis.cli.prior_card import card_lines
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.prior.registry import RegisteredPrior


class PriorGroup(OneSentenceGroup):
    """Commands of ``priors``; a wrong one is told with those there are."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See click.Group."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise InputError(
                f"There is no command 'priors {args[0]}'; there are "
                f"{', '.join(self.commands)} (a card: 'napari-padis priors show NAME')."
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=PriorGroup,
    rich_markup_mode=None,
    help="List, show, download, add, import and remove priors.",
)

Name = Annotated[str, typer.Argument(help="Name of the prior.")]


@app.callback(invoke_without_command=True)
def priors(context: typer.Context, as_json: Json = False) -> None:
    """List the priors that are here, or do something with them."""
    if context.invoked_subcommand is None:
        list_(as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the priors that are here, and those that can be downloaded."""
    from napari_padis.prior.catalogue import entries

    found, problems = entries()
    if as_json:
        show([entry.card.model_dump(mode="json") for entry in found], as_json=True)
    else:
        show([_listed(entry.card, entry.bundled) for entry in found], as_json=False)
        for prior in _offered([entry.name for entry in found]):
            typer.echo(f"{prior.name}  {_line(prior.title)}")
            typer.echo(f"  to download, {_size(prior.size)}: napari-padis priors get {prior.name}")
    for problem in problems:
        typer.echo(f"napari-padis: {problem}", err=True)


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(help="Name of the prior, or its file.")],
    as_json: Json = False,
) -> None:
    """Show the card of a prior: where it comes from, what it saw, how well it denoises."""
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.catalogue import find_prior

    path = find_prior(name)
    card = PriorCard.load(path)
    if as_json:
        typer.echo(json.dumps(card.model_dump(mode="json"), indent=2, allow_nan=False))
    else:
        typer.echo("\n".join(card_lines(card, path)))


@app.command()
def get(
    name: Name,
    address: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ADDRESS", help="Folder or address of the files, not the usual one."
        ),
    ] = None,
) -> None:
    """Download a prior; it is kept only when its sha256 is right."""
    from tqdm import tqdm

    from napari_padis.prior.catalogue import entries

    for entry in entries()[0]:
        if entry.name == name:
            where = "comes with the package" if entry.bundled else f"is here: {entry.path}"
            typer.echo(f"The prior '{name}' {where}.")
            return
    from napari_padis.prior.download import get_prior

    with tqdm(total=0, unit="B", unit_scale=True, desc=name, leave=False, delay=0.5) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        path = get_prior(name, address, progress)
    typer.echo(f"{path}: ready for 'napari-padis reconstruct --prior {name}'")


@app.command()
def add(
    path: Annotated[
        Path, typer.Argument(help="The prior's .json or .safetensors, or a folder of priors.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it; the name in its card.")
    ] = None,
) -> None:
    """Copy a prior into your folder, so that it is found by its name everywhere."""
    from napari_padis.prior import library

    cards = library.cards_of(path)
    if name is not None and len(cards) > 1:
        raise InputError(f"'{path}' holds {len(cards)} priors; one name cannot be given to all.")
    for card_path in cards:
        added = library.add(card_path, name)
        typer.echo(f"{added.name}: ready for 'napari-padis reconstruct --prior {added.name}'")


app.command("import")(import_prior.import_)


@app.command()
def remove(name: Name) -> None:
    """Take a prior out of your folder again."""
    from napari_padis.prior import library

    library.remove(name)
    typer.echo(f"The prior '{name}' is removed.")


def _listed(card: Any, bundled: bool) -> dict[str, str]:
    """What the listing tells of a prior."""
    title = _line(card.title or card.name)
    return {
        "name": _line(card.name),
        "title": title if bundled else f"{title} (yours)",
        "description": _line(card.description),
    }


def _offered(here: list[str]) -> list[RegisteredPrior]:
    """What can be downloaded; nothing where the list of priors does not hold."""
    from napari_padis.prior.registry import registry

    try:
        return registry().missing(here)
    except InputError as error:
        typer.echo(f"napari-padis: {error}", err=True)
        return []


def _line(text: str) -> str:
    """Text of a card without what a terminal would obey."""
    from napari_padis.prior.reading import shown

    return shown(text, 1000)


def _size(count: int) -> str:
    from napari_padis.prior.reading import byte_count

    return byte_count(count)
