"""Where a NIfTI or Analyze header places its voxels, and what it leaves open."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.orientation import voxel_sizes
from napari_padis.scan.units import length_scale
from napari_padis.scan.volume import SPACES

#: Voxels of other sizes in mm are more probably stated in another unit.
_USUAL = (0.02, 50.0)


def placed(
    path: Path, image: nib.analyze.AnalyzeImage, ours: bool
) -> tuple[NDArray[np.float64], str, tuple[str, ...]]:
    """Place the voxels of a header in space by nibabel's rules.

    The sform counts where it has a code, then the qform, then the voxel sizes alone.

    Parameters
    ----------
    path : Path
    image : AnalyzeImage
        Of NIfTI-1, NIfTI-2 or Analyze 7.5.
    ours : bool
        Whether napari-padis wrote the file: without codes it keeps the affine that it was
        written with, which other programs pass over.

    Returns
    -------
    affine : ndarray, shape (4, 4)
        Index to RAS+ mm.
    space : str
        Frame of coordinates, as in :class:`~napari_padis.scan.volume.Volume`.
    notes : tuple of str
        What was assumed, or is stated twice.
    """
    header = image.header
    affine = np.array(image.affine, dtype=np.float64)
    if not isinstance(header, nib.Nifti1Header):
        note = ("Analyze files state no orientation; rows to the left and columns to the front "
                "are assumed, as SPM does.")  # fmt: skip
        return affine, SPACES[0], (note, *_unstated_sizes(path, image))
    code = int(header["sform_code"]) or int(header["qform_code"])
    factor, notes = _unit(header, affine)
    if not code and ours:
        written = np.array(header.get_sform(), dtype=np.float64)
        steps = (*header.get_zooms(), 1.0, 1.0)[:3]
        if np.allclose(voxel_sizes(written), steps, rtol=1e-3):  # nobody changed it since
            return _scaled(written, factor), SPACES[0], notes
    if not code:
        notes += ("The header has no orientation; rows to the left and columns to the front are "
                  "assumed.",)  # fmt: skip
    if not int(header["sform_code"]):
        notes += _unstated_sizes(path, image)
    else:
        notes += _contradictions(header, image.shape, affine, factor)
    # Codes that the standard does not know still say that the coordinates are some file's.
    space = SPACES[code] if 0 <= code < len(SPACES) else "aligned"
    return _scaled(affine, factor), space, notes


def _scaled(affine: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    affine[:3] *= factor
    return affine


def _unit(header: Any, affine: NDArray[np.float64]) -> tuple[float, tuple[str, ...]]:
    """Factor to mm: headers without a unit are in mm, as all programs take them."""
    try:
        word = str(header.get_xyzt_units()[0])
    except KeyError:
        word = f"code {int(header['xyzt_units'])}"
    factor, notes = length_scale(word)
    sizes = np.asarray(voxel_sizes(affine))
    if not notes and word == "unknown" and not all((_USUAL[0] < s < _USUAL[1]) for s in sizes):
        words = " x ".join(f"{s:g}" for s in sizes)
        notes = (f"The header states no length unit; voxels of {words} are taken as mm.",)
    return factor, notes


def _unstated_sizes(path: Path, image: nib.analyze.AnalyzeImage) -> tuple[str, ...]:
    """A note where voxel sizes are 0 or negative, which nibabel mends without a word."""
    holder = image.file_map.get("header") or image.file_map["image"]
    with holder.get_prepare_fileobj("rb") as file:
        raw = type(image.header).from_fileobj(file, check=False)
    stated = np.asarray(raw["pixdim"][1 : 1 + min(3, len(image.shape))], dtype=np.float64)
    if (stated > 0).all():
        return ()
    words = " x ".join(f"{s:g}" for s in stated)
    sizes = " x ".join(f"{s:g}" for s in image.header.get_zooms()[:3])
    return (f"The header states voxels of {words}; they are taken as {sizes}.",)


def _contradictions(
    header: Any, shape: tuple[int, ...], affine: NDArray[np.float64], factor: float
) -> tuple[str, ...]:
    """Notes where the sform, which counts, differs from the voxel sizes or from the qform."""
    notes: tuple[str, ...] = ()
    sizes = np.asarray(voxel_sizes(affine))[: len(shape)]
    stated = np.asarray(header.get_zooms()[:3], dtype=np.float64)
    if not np.allclose(sizes, stated, rtol=0.01):
        used, other = (" x ".join(f"{s * factor:.4g}" for s in v) for v in (sizes, stated))
        notes += (f"The header states voxels of {other} mm and an sform of {used} mm; the sform "
                  "is used.",)  # fmt: skip
    if int(header["qform_code"]) and np.isfinite(affine).all():
        other_affine = np.asarray(header.get_qform(), dtype=np.float64)
        ends = [(0, n - 1) for n in (*shape, 1, 1)[:3]]
        corners = np.array([(*c, 1) for c in itertools.product(*ends)], dtype=np.float64).T
        apart = np.linalg.norm(((affine - other_affine) @ corners)[:3], axis=0).max()
        if apart > sizes.max():
            notes += (f"The header states two positions, sform and qform, up to "
                      f"{apart * factor:.3g} mm apart; the sform is used.",)  # fmt: skip
    return notes
