"""K-space of the BART toolbox: a text header (.hdr) and complex numbers (.cfl)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, reading
from napari_padis.scan.kspace_grid import assemble_kspace, to_readout_image
from napari_padis.scan.measurement import Measurement

READ, PHASE1, PHASE2, COIL, SLICE = 0, 1, 2, 3, 13

#: BART's axes that would be several images of one slice.
OTHERS = {
    4: "sets of coil maps", 5: "echoes", 6: "coefficients", 7: "coefficients", 8: "iterations",
    9: "chemical shifts", 10: "frames", 11: "frames", 12: "levels", 14: "averages", 15: "batches",
}  # fmt: skip


def read_bart(path: str | Path) -> Measurement:
    """Read a pair of .cfl and .hdr files, named by either of them.

    Its axes are readout, first and second phase encoding, coils, and slices (axis 13), in
    column-major order. Two of the first three are the picture. Of 3D k-space the readout,
    which is always fully sampled, is transformed back and its positions are the slices.

    Raises
    ------
    InputError
        If one of the pair is missing, they do not fit, or there is more than one image.
    """
    path = existing(path)
    data, header = path.with_suffix(".cfl"), path.with_suffix(".hdr")
    for part in (data, header):
        if not part.is_file():
            raise InputError(
                f"'{path.name}' needs '{part.name}' beside it: BART writes both, copy both."
            )
    with reading(path, "BART"):
        shape = _dimensions(header)
        claimed, there = 8 * math.prod(shape), data.stat().st_size
        check_claim(data, claimed, there)
        if there != claimed:
            raise InputError(
                f"'{data.name}' has {there} bytes but '{header.name}' describes {claimed}; the two "
                "do not belong together."
            )
        for axis, words in OTHERS.items():
            if shape[axis] > 1:
                raise InputError(
                    f"'{data.name}' holds {shape[axis]} {words}; choose one of them with "
                    f"'bart slice {axis} 0'."
                )
        mapped = np.memmap(data, dtype="<c8", mode="r", shape=shape, order="F")
        axes = (SLICE, COIL, READ, PHASE1, PHASE2)
        kspace = mapped.transpose([*axes, *OTHERS]).reshape([shape[axis] for axis in axes])
        return _measurement(data, kspace)


def _measurement(path: Path, kspace: np.ndarray) -> Measurement:
    """Measurement of (slices, coils, readout, first, second phase encoding)."""
    long = [axis for axis in (2, 3, 4) if kspace.shape[axis] > 1]
    if len(long) == 2:
        (flat,) = {2, 3, 4} - set(long)
        return assemble_kspace(path, "BART", np.array(kspace.squeeze(flat), dtype=np.complex64))
    if len(long) < 2 or kspace.shape[0] > 1:
        raise InputError(
            f"The k-space of '{path.name}' has {' x '.join(map(str, kspace.shape[2:]))} samples in "
            f"{kspace.shape[0]} slices; slices of two axes, or one block of three, are needed."
        )
    measured = (kspace[0] != 0).any((0, 1))
    blocks = to_readout_image(kspace[0], axis=1).swapaxes(0, 1)
    note = "The readout of the 3D k-space was transformed back; its positions are the slices."
    return assemble_kspace(path, "BART", blocks.copy(), notes=[note], measured=measured)


def _dimensions(header: Path) -> tuple[int, ...]:
    """All 16 dimensions; the ones that the header leaves out are 1."""
    lines = header.read_text(encoding="utf-8", errors="replace")[:4096].splitlines()
    try:
        text = lines[lines.index("# Dimensions") + 1]
        found = tuple(int(word) for word in text.split())
    except (ValueError, IndexError) as error:
        raise InputError(
            f"'{header.name}' is no BART header: a line of whole numbers after '# Dimensions' is "
            "missing."
        ) from error
    if not 1 <= len(found) <= 16 or min(found) < 1:
        raise InputError(f"'{header.name}' declares the dimensions '{text.strip()[:80]}'.")
    return found + (1,) * (16 - len(found))
