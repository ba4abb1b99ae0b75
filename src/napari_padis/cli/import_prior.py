"""``napari-padis priors import``: a published EDM or PaDIS checkpoint as a prior."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_padis.errors import InputError
from napari_padis.prior.published import PATCH, prior_name, published_card

if TYPE_CHECKING:
    from torch import Tensor

    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.network import EDMDenoiser


def import_(
    file: Annotated[
        Path, typer.Argument(help="Network snapshot (.pkl), training state or weights (.pt).")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to write it; your folder of priors."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the prior; the file's.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Title in its card.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the weights.")] = "",
    unit: Annotated[str, typer.Option("--unit", help="Unit of the intensities.")] = "HU",
    low: Annotated[
        float, typer.Option("--low", help="Intensity that the network was trained on as 0.")
    ] = -1000.0,
    high: Annotated[
        float, typer.Option("--high", help="Intensity that the network was trained on as 1.")
    ] = 1000.0,
    patch: Annotated[
        int | None, typer.Option("--patch", help=f"Side of the patches in pixels; {PATCH}.")
    ] = None,
    padding: Annotated[
        int,
        typer.Option("--padding", min=0, help="Zeros on each side of its training images."),
    ] = 64,
    validation: Annotated[
        Path | None,
        typer.Option(
            "--validation", metavar="DIR", help="Volumes on which the denoising error is measured."
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store 16 bits per weight instead of 32.")
    ] = False,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")] = "auto",
) -> None:
    """Import a published checkpoint; nothing in the file is run.

    Position channels are scaled to those that the network was trained on; that takes
    --padding, which is 64 in the published training command.
    """
    from napari_padis.prior import library
    from napari_padis.scan.units import Scale

    name = prior_name(name or file.stem)
    if out is None:
        library.free_name(name)
    scale = Scale(low, high, unit)

    from napari_padis.prior.checkpoint import save_prior
    from napari_padis.prior.edm_import import import_network

    imported = import_network(file, padding)
    network = imported.network
    description = (
        "Weights of a published DDPM++ network with EDM preconditioning, trained on images of "
        f"{imported.side} pixels a side"
    )
    if network.config.position_channels:
        description += f" with {padding} zeros on each side"
    card = published_card(
        network.config, name, file, scale, patch, title, licence, f"{description}."
    )
    if validation is not None:
        table = _measure(network, card, validation, device)
        card = card.model_copy(update={"error_table": table})
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            save_prior(network, card, folder, half)
            library.add(Path(folder) / f"{name}.json")
        typer.echo(f"{name}: ready for 'napari-padis reconstruct --prior {name}'")
    else:
        from napari_padis.cli.options import output_folder

        output_folder(out)
        save_prior(network, card, out, half)
        typer.echo(f"{out / name}.json: ready for 'napari-padis reconstruct --prior'")


def _measure(
    network: EDMDenoiser, card: PriorCard, folder: Path, device: str
) -> tuple[tuple[float, float], ...]:
    """Denoising error on the middle slices of volumes; prints the curve."""
    import copy

    from napari_padis.engine.setup import choose_device
    from napari_padis.prior.denoiser import PatchDenoiser
    from napari_padis.prior.errors_table import error_table

    images = _slices(card, folder)
    # Denoisers change the network's precision in place.
    shared, where = copy.deepcopy(network), str(choose_device(device))
    denoisers = [
        PatchDenoiser(shared, card, (image.shape[-2], image.shape[-1]), where) for image in images
    ]
    table = error_table(denoisers, images)
    for sigma, psnr in card.model_copy(update={"error_table": table}).denoising_psnr:
        typer.echo(f"sigma {sigma:<6g} {psnr:6.2f} dB")
    return table


def _slices(card: PriorCard, folder: Path) -> list[Tensor]:
    """Middle slices of the volumes in a folder on the prior's scale."""
    from napari_padis.prior.data import PatchSampler, find_volumes, read_volumes

    if card.network.image_channels != 1:
        raise InputError(
            f"The network has {card.network.image_channels} image channels; its denoising error "
            "cannot be measured on volumes, leave --validation out."
        )
    volumes = list(read_volumes(find_volumes(folder)))
    odd = [volume for volume in volumes if volume.unit != card.unit]
    if odd:
        raise InputError(
            f"'{odd[0].name}' is in {odd[0].unit}, but the prior is in {card.unit} (option --unit)."
        )
    return PatchSampler(volumes, card.scale, pad=0).middles()
