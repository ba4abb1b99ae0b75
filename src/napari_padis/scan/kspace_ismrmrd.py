"""K-space of ISMRMRD files: acquisitions sorted into a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import check_claim, existing, reading
from napari_padis.scan.hdf5_open import check_lists, open_hdf5
from napari_padis.scan.kspace_grid import Complex, assemble_kspace, to_readout, to_readout_image
from napari_padis.scan.kspace_header import Encoding, parse_header
from napari_padis.scan.kspace_place import stack_of
from napari_padis.scan.measurement import Measurement

#: Flags (counted from 1, as in the standard) of acquisitions that are no image data.
NO_IMAGE = (19, 23, 24, 26, 27, 28, 29)
CALIBRATION, REVERSED = 20, 22
#: Counters that tell images of the same slice apart; the first image is taken.
IMAGES = ("contrast", "phase", "repetition", "set")
#: Acquisitions read at a time.
BLOCK = 256


def read_ismrmrd(path: str | Path, group: str = "dataset") -> Measurement:
    """Read Cartesian acquisitions (Inati et al., MRM 77:411, 2017) of one group.

    Noise scans and navigators are skipped, averages averaged, and readout oversampling is
    removed. Of several contrasts, cardiac phases, repetitions or sets the first is taken.
    Of 3D k-space the readout is transformed back, and its positions are the slices.
    Directions and positions of the headers become the affine, see
    :func:`napari_padis.scan.kspace_place.stack_of`; slices that the file does not hold are
    not made up.

    Raises
    ------
    InputError
        If the file is damaged, incomplete or not Cartesian.
    """
    path = existing(path)
    with reading(path, "ISMRMRD"), open_hdf5(path) as file:
        encoding = parse_header(path, np.asarray(file[group]["xml"][()]).ravel()[0])
        if encoding.trajectory != "cartesian":
            raise InputError(
                f"'{path.name}' has the trajectory '{encoding.trajectory}'; only Cartesian k-space "
                "can be reconstructed."
            )
        data = file[group]["data"]
        compressed = data.compression is not None
        check_claim(path, int(data.nbytes), int(data.id.get_storage_size()), compressed)
        check_lists(path, data, "data")
        heads = data["head"]
        chosen, notes = _choose(path, heads, encoding)
        grid = _Grid(path, heads[chosen], encoding)
        for start in range(0, len(heads), BLOCK):
            rows = chosen[(chosen >= start) & (chosen < start + BLOCK)]
            if len(rows):
                lines = data.fields("data")[start : start + BLOCK][rows - start]
                for head, line in zip(heads[rows], lines, strict=True):
                    grid.add(head, line)
    return _measurement(path, grid, notes)


def _choose(
    path: Path, heads: NDArray[Any], encoding: Encoding
) -> tuple[NDArray[np.intp], list[str]]:
    """Indices of the acquisitions of the first image, and notes on the others."""
    flags = heads["flags"]

    def flagged(bit: int) -> NDArray[np.bool_]:
        return (flags >> np.uint64(bit - 1)) & np.uint64(1) != 0

    other = np.logical_or.reduce([flagged(bit) for bit in NO_IMAGE])
    other |= heads["encoding_space_ref"] != 0
    if encoding.calibration in ("separate", "external"):
        other |= flagged(CALIBRATION)
    notes = []
    if other.any():
        notes.append(f"{int(other.sum())} acquisitions of {len(heads)} are no image data.")
    for name in IMAGES:
        counter = heads["idx"][name]
        values = np.unique(counter[~other])
        if len(values) > 1:
            notes.append(f"Of {len(values)} images ({name}) the first was taken.")
            other |= counter != values[0]
    chosen = np.flatnonzero(~other)
    if not len(chosen):
        raise InputError(f"'{path.name}' holds no image acquisitions.")
    return chosen, notes


class _Grid:
    """K-space (slices, coils, readout, first, second phase encoding) that is being filled."""

    def __init__(self, path: Path, heads: NDArray[Any], encoding: Encoding) -> None:
        self.path, self.encoding = path, encoding
        coils = np.unique(heads["active_channels"])
        if len(coils) != 1 or coils[0] < 1:
            raise InputError(f"The acquisitions of '{path.name}' differ in their number of coils.")
        self.coils = int(coils[0])
        thickness = encoding.recon_fov[2] / encoding.recon_matrix[2]
        self.stack = stack_of(heads, thickness, encoding.vendor)
        self.place = {int(number): k for k, number in enumerate(self.stack.numbers)}
        slices = len(self.place)
        shape = (slices, self.coils, *encoding.matrix)
        samples = int(heads["number_of_samples"].astype(np.int64).sum()) * self.coils
        check_claim(path, 8 * samples, path.stat().st_size)
        # Not even 1 of 256 samples measured: such a header is wrong.
        check_claim(path, 8 * int(np.prod(shape, dtype=np.int64)), 256 * 8 * samples)
        self.kspace: Complex = np.zeros(shape, dtype=np.complex64)
        self.count = np.zeros((slices, *encoding.matrix[1:]), dtype=np.int32)
        self.complete = True
        self.offsets = tuple(
            0 if centre is None else n // 2 - centre
            for n, centre in zip(encoding.matrix[1:], encoding.centres, strict=True)
        )

    def add(self, head: Any, line: NDArray[np.float32]) -> None:
        """Add one acquisition."""
        samples, index = int(head["number_of_samples"]), head["idx"]
        if len(line) != 2 * samples * self.coils:
            raise InputError(
                f"An acquisition of '{self.path.name}' is incomplete; the file is damaged, so "
                "copy or export it again."
            )
        values = np.ascontiguousarray(line, dtype=np.float32).view(np.complex64)
        values = values.reshape(self.coils, samples)
        centre = int(head["center_sample"])
        first, last = int(head["discard_pre"]), samples - int(head["discard_post"])
        if int(head["flags"]) >> (REVERSED - 1) & 1:
            values, centre = values[:, ::-1], samples - 1 - centre
            first, last = samples - last, samples - first
        n = self.encoding.matrix[0]
        start = n // 2 - centre + first
        stop = start + last - first
        y = int(index["kspace_encode_step_1"]) + self.offsets[0]
        z = int(index["kspace_encode_step_2"]) + self.offsets[1]
        columns, blocks = self.encoding.matrix[1:]
        if not (0 <= y < columns and 0 <= z < blocks and 0 <= start < stop <= n):
            raise InputError(
                f"An acquisition of '{self.path.name}' lies outside the k-space of "
                f"{' x '.join(map(str, self.encoding.matrix))} samples that its header describes."
            )
        k = self.place[int(index["slice"])]
        self.kspace[k, :, start:stop, y, z] += values[:, first:last]
        self.count[k, y, z] += 1
        self.complete &= stop - start == n

    def finish(self) -> None:
        """Average repeated lines."""
        self.kspace /= np.maximum(self.count, 1)[:, None, None]


def _measurement(path: Path, grid: _Grid, notes: list[str]) -> Measurement:
    grid.finish()
    encoding, stack = grid.encoding, grid.stack
    notes += stack.notes
    pixel = [length / n for length, n in zip(encoding.fov, encoding.matrix, strict=True)]
    kspace = grid.kspace
    ratio = encoding.fov[0] / encoding.recon_fov[0]
    if ratio > 1.01:
        if grid.complete:
            kspace = _without_oversampling(kspace, ratio)
            notes.append(f"The readout was oversampled {ratio:.3g} times; the margin was cut off.")
        else:
            notes.append(f"The readout is oversampled {ratio:.3g} times; the margin was kept.")
    if kspace.shape[-1] == 1:
        kspace, plane = kspace[..., 0], (pixel[0], pixel[1])
        affine = stack.slices_affine(plane, kspace.shape[-2:])
        return assemble_kspace(
            path, "ISMRMRD", kspace, plane, stack.spacing, notes, affine, stack.space
        )
    if len(kspace) > 1 or not grid.complete:
        raise InputError(
            f"'{path.name}' holds 3D k-space of {len(kspace)} slabs"
            f"{'' if grid.complete else ' with incomplete readouts'}; one slab with complete "
            "readouts is needed."
        )
    measured = (kspace[0] != 0).any((0, 1))
    blocks = to_readout_image(kspace[0], axis=1).swapaxes(0, 1).copy()
    notes.append("The readout of the 3D k-space was transformed back; it runs along the slices.")
    plane = (pixel[1], pixel[2])
    affine = stack.slab_affine((pixel[0], *plane), kspace.shape[2:])
    return assemble_kspace(
        path, "ISMRMRD", blocks, plane, pixel[0], notes, affine, stack.space, measured
    )


def _without_oversampling(kspace: Complex, ratio: float) -> Complex:
    """K-space of the middle part of the picture along the readout."""
    rows = kspace.shape[2]
    kept = max(2, round(rows / ratio))
    first = rows // 2 - kept // 2
    slices = [to_readout_image(s, axis=1)[:, first : first + kept] for s in kspace]
    return np.stack([to_readout(s, axis=1) for s in slices])
