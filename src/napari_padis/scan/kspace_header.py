"""The XML header of ISMRMRD, which fastMRI files carry too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from napari_padis.errors import InputError

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Encoding:
    """First encoding of a header.

    Parameters
    ----------
    matrix : tuple of int
        Samples along readout, first and second phase encoding.
    fov : tuple of float
        Field of view of that matrix in mm.
    recon_fov : tuple of float
        Field of view that the scanner would keep.
    recon_matrix : tuple of int
    trajectory : str
        'cartesian', 'radial', 'spiral', 'epi', ...
    centres : tuple of int or None
        Phase-encoding counters of the zero frequency, where stated.
    calibration : str
        How coil calibration was measured: 'embedded', 'separate', ...; '' where unstated.
    vendor : str
        Maker of the scanner; '' where unstated.
    """

    matrix: tuple[int, int, int]
    fov: Triple
    recon_fov: Triple
    recon_matrix: tuple[int, int, int]
    trajectory: str
    centres: tuple[int | None, int | None]
    calibration: str
    vendor: str = ""


def parse_header(path: Path, xml: bytes | str) -> Encoding:
    """Read a header.

    Parameters
    ----------
    path : Path
        File, for the message.
    xml : bytes or str

    Raises
    ------
    InputError
        If it is no XML, or sizes are missing or absurd.
    """
    try:
        root = ElementTree.fromstring(xml)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        encoded = _space(root, "encodedSpace")
        recon = _space(root, "reconSpace")
    except (ElementTree.ParseError, TypeError, ValueError) as error:
        raise InputError(
            f"The header of '{path.name}' is damaged or incomplete: it does not say the size of "
            "its k-space."
        ) from error
    first, second = (_centre(root, f"kspace_encoding_step_{axis}") for axis in (1, 2))
    return Encoding(
        *encoded,
        recon_fov=recon[1],
        recon_matrix=recon[0],
        trajectory=(root.findtext("encoding/trajectory") or "").strip().lower(),
        centres=(first, second),
        calibration=(root.findtext("encoding/parallelImaging/calibrationMode") or "").strip(),
        vendor=(root.findtext("acquisitionSystemInformation/systemVendor") or "").strip(),
    )


def _space(root: ElementTree.Element, name: str) -> tuple[tuple[int, int, int], Triple]:
    """Matrix and field of view; raises ValueError unless all of them are positive."""
    matrix, fov = (
        [float(root.findtext(f"encoding/{name}/{what}/{axis}") or "nan") for axis in "xyz"]
        for what in ("matrixSize", "fieldOfView_mm")
    )
    if not all(1 <= n < 1e5 for n in matrix) or not all(0 < length < 1e5 for length in fov):
        raise ValueError(name)
    x, y, z = (int(n) for n in matrix)
    return (x, y, z), (fov[0], fov[1], fov[2])


def _centre(root: ElementTree.Element, name: str) -> int | None:
    text = root.findtext(f"encoding/encodingLimits/{name}/center")
    return int(text) if text and text.strip().isdigit() else None
