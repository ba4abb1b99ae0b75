"""``napari-padis prepare``: a measurement from raw projections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.options import output_file
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.preparation import Preparation
    from napari_padis.scan.projections import Projections

#: Option that supplies what a file does not state.
OPTIONS = {
    "beam": "--beam parallel (or fan)",
    "angles": "--angles-range FIRST:LAST in degrees, or --angles FILE",
    "detector_pitch": "--pitch MM",
    "source_origin": "--source-origin MM",
    "source_detector": "--source-detector MM",
}


def prepare(
    file: Annotated[
        Path, typer.Argument(help="DXchange (.h5), MATLAB, .npz, .npy or TIFF projections.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.h5", help="Measurement to write.")],
    rows: Annotated[
        str | None,
        typer.Option("--rows", metavar="A:B[:STEP]", help="Only detector rows A to B-1."),
    ] = None,
    every: Annotated[int, typer.Option("--every", metavar="N", help="Keep every N-th view.")] = 1,
    arc: Annotated[
        str | None,
        typer.Option("--arc", metavar="FIRST:DEGREES", help="Keep the views of an arc."),
    ] = None,
    binning: Annotated[
        int, typer.Option("--binning", metavar="N", help="Average N detector bins.")
    ] = 1,
    row_binning: Annotated[
        int, typer.Option("--row-binning", metavar="N", help="Average N detector rows.")
    ] = 1,
    centre: Annotated[
        str,
        typer.Option(
            "--centre", metavar="auto|middle|BIN", help="Bin that sees the rotation axis."
        ),
    ] = "auto",
    beam: Annotated[
        str | None, typer.Option("--beam", metavar="parallel|fan", help="Where the file says none.")
    ] = None,
    pitch: Annotated[
        float | None, typer.Option("--pitch", metavar="MM", help="Distance of detector bins.")
    ] = None,
    source_origin: Annotated[
        float | None,
        typer.Option("--source-origin", metavar="MM", help="From the source to the axis."),
    ] = None,
    source_detector: Annotated[
        float | None,
        typer.Option("--source-detector", metavar="MM", help="From the source to the detector."),
    ] = None,
    angles: Annotated[
        Path | None, typer.Option("--angles", metavar="FILE", help="List of view angles.")
    ] = None,
    angles_range: Annotated[
        str | None,
        typer.Option(
            "--angles-range", metavar="FIRST:LAST", help="Evenly spread views, in degrees."
        ),
    ] = None,
    angle_unit: Annotated[
        str | None,
        typer.Option(
            "--angle-unit", metavar="degrees|radians", help="Of the angles, if read wrongly."
        ),
    ] = None,
    flats: Annotated[
        Path | None, typer.Option("--flats", metavar="FILE", help="Images without the object.")
    ] = None,
    darks: Annotated[
        Path | None, typer.Option("--darks", metavar="FILE", help="Images without the beam.")
    ] = None,
    views_axis: Annotated[
        int | None,
        typer.Option("--views-axis", metavar="N", help="Axis of the views (from 1) in the file."),
    ] = None,
    logarithm: Annotated[
        bool | None,
        typer.Option("--log/--no-log", help="Negative logarithm; by default as the data look."),
    ] = None,
    rings: Annotated[bool, typer.Option("--rings/--no-rings", help="Remove rings.")] = True,
    strong_rings: Annotated[
        bool, typer.Option("--strong-rings", help="Remove rings at the risk of streaks.")
    ] = False,
    bad_pixels: Annotated[
        bool, typer.Option("--bad-pixels/--keep-bad-pixels", help="Replace dead pixels.")
    ] = True,
    pixel: Annotated[
        float | None, typer.Option("--pixel", metavar="MM", help="Pixel size of the image.")
    ] = None,
    image_side: Annotated[
        int | None, typer.Option("--image-side", metavar="N", help="Rows and columns of the image.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE.json", help="All settings; options override."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Turn raw projections into a measurement of line integrals."""
    from napari_padis.scan.read_projections import read_projections
    from napari_padis.scan.write import write

    output_file(out, (".h5", ".hdf5"))
    first, degrees = _pair(arc, "--arc") if arc else (None, None)
    given: dict[str, Any] = {
        "rows": rows,
        "every": every,
        "first_degree": first,
        "arc_degrees": degrees,
        "binning": binning,
        "row_binning": row_binning,
        "centre": _centre(centre),
        "beam": beam,
        "detector_pitch": pitch,
        "source_origin": source_origin,
        "source_detector": source_detector,
        "angles_range": _pair(angles_range, "--angles-range") if angles_range else None,
        "angle_unit": angle_unit,
        "logarithm": "auto" if logarithm is None else logarithm,
        "rings": rings,
        "ring_strength": "strong" if strong_rings else "gentle",
        "bad_pixels": bad_pixels,
        "pixel": pixel,
        "image_side": image_side,
    }
    chosen = _settings(settings, given)
    axis = None if views_axis is None else views_axis - 1
    if axis is not None and axis not in (0, 1, 2):
        raise InputError(f"--views-axis must be 1, 2 or 3, not {views_axis}.")
    projections = read_projections(file, angles=angles, flats=flats, darks=darks, views_axis=axis)
    _check(projections, chosen)
    measurement = _prepare(projections, chosen, quiet)
    write(out, measurement)
    typer.echo(_summary(out, measurement))


def _settings(path: Path | None, given: dict[str, Any]) -> Preparation:
    """Settings of the file with the options that differ from the defaults on top."""
    from napari_padis.scan.preparation import Preparation

    stored = {} if path is None else Preparation.load(path).model_dump(exclude_defaults=True)
    default = Preparation().model_dump()
    said = {name: value for name, value in given.items() if value != default[name]}
    return Preparation.create(**{**stored, **said})


def _check(projections: Projections, chosen: Preparation) -> None:
    """Name the options that supply what is missing."""
    from napari_padis.scan.preparation.setup import still_missing

    if absent := still_missing(projections, chosen):
        what = ", ".join(name.replace("_", " ") for name in absent)
        give = "; ".join(OPTIONS[name] for name in absent)
        raise InputError(f"'{projections.name}' does not state its {what}: give {give}.")


def _prepare(projections: Projections, chosen: Preparation, quiet: bool) -> Measurement:
    from tqdm import tqdm

    from napari_padis.scan.preparation import prepare as work

    bar_format = "{percentage:3.0f}%|{bar}| {elapsed}"
    with tqdm(total=1.0, disable=quiet, bar_format=bar_format, leave=False) as bar:

        def progress(share: float) -> None:
            bar.n = share
            bar.refresh()

        return work(projections, chosen, progress)


def _centre(text: str) -> float | str | None:
    if text == "auto":
        return text
    if text == "middle":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--centre must be 'auto', 'middle' or a bin, not '{text}'.") from None


def _pair(text: str, option: str) -> tuple[float, float]:
    first, colon, second = text.partition(":")
    try:
        values = float(first), float(second)
    except ValueError:
        raise InputError(f"{option} must be given as A:B with numbers, not '{text}'.") from None
    if not colon:
        raise InputError(f"{option} must be given as A:B with numbers, not '{text}'.")
    return values


def _summary(out: Path, measurement: Measurement) -> str:
    shape = " x ".join(str(n) for n in measurement.data.shape)
    said = (*measurement.provenance["steps"], *measurement.provenance["notes"])
    steps = "\n".join(f"  {step}" for step in said)
    noise = measurement.noise
    level = "unknown" if noise.sigma is None else f"{noise.sigma:.4g} ({noise.kind})"
    side = " x ".join(str(n) for n in measurement.geometry.image_shape)
    return (
        f"{out}: {shape} (rows, views, bins), noise {level}, image {side}, unit "
        f"{measurement.unit}\n{steps}"
    )
