"""The same geometries as ODL objects: its language in, its ray transform as a reference.

ODL's image axis 0 is x and axis 1 is y, ours are (row y, column x); :func:`to_odl_axes` is
the one place where they are exchanged. Both have x and y growing with the index, and a ray
of angle ``theta`` is ``x cos(theta) + y sin(theta) = s`` in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.likelihood.odl_fence import fenced, import_odl
from napari_padis.scan.geometry import ParallelGeometry


def to_odl_axes(image: NDArray[Any]) -> NDArray[Any]:
    """Exchange (..., y, x) and (..., x, y); its own inverse."""
    return np.swapaxes(image, -1, -2)


def odl_geometry(geometry: ParallelGeometry) -> tuple[Any, Any]:
    """ODL's description of a parallel-beam geometry.

    Parameters
    ----------
    geometry : ParallelGeometry
        Its angles must increase, as ODL's partitions do.

    Returns
    -------
    space : odl.DiscretizedSpace
        Image slices, axis 0 being x, in mm.
    geometry : odl.applications.tomo.Parallel2dGeometry

    Raises
    ------
    InputError
        If the angles do not increase.
    """
    if (np.diff(geometry.angles) <= 0).any():
        raise InputError("ODL needs view angles in increasing order, each once.")
    odl = import_odl()
    rows, columns = geometry.image_shape
    half_y, half_x = rows * geometry.pixel[0] / 2, columns * geometry.pixel[1] / 2
    half_s = geometry.detectors * geometry.detector_pitch / 2
    with fenced():
        space = odl.uniform_discr(
            [-half_x, -half_y], [half_x, half_y], (columns, rows), dtype="float32"
        )
        views = odl.nonuniform_partition(geometry.angles)
        detector = odl.uniform_partition(-half_s, half_s, geometry.detectors)
        return space, odl.applications.tomo.Parallel2dGeometry(views, detector)


def from_odl(space: Any, geometry: Any, slice_spacing: float = 1.0) -> ParallelGeometry:
    """Plain numbers of an ODL geometry with lengths in mm.

    Parameters
    ----------
    space : odl.DiscretizedSpace
        Two-dimensional, centred on the rotation axis.
    geometry : odl.applications.tomo.Parallel2dGeometry
        With ODL's default axes and a uniform detector centred on the rotation axis.
    slice_spacing : float
        Distance of neighbouring slices in mm.

    Raises
    ------
    InputError
        If the geometry is of another kind or not centred.
    """
    if type(geometry).__name__ != "Parallel2dGeometry" or len(space.shape) != 2:
        raise InputError("Only ODL's Parallel2dGeometry over a two-dimensional space is read.")
    detector = geometry.det_partition
    middles = (*space.partition.mid_pt, *np.atleast_1d(detector.mid_pt))
    size = float(np.max(space.partition.extent))
    default = np.allclose(geometry.det_axis_init, (1, 0)) and not np.any(geometry.translation)
    if not (default and detector.is_uniform and np.allclose(middles, 0, atol=1e-6 * size)):
        raise InputError(
            "The ODL geometry must have default axes and a uniform detector, and image and "
            "detector must be centred on the rotation axis."
        )
    pixel_x, pixel_y = (float(side) for side in space.cell_sides)
    columns, rows = space.shape
    return ParallelGeometry(
        angles=np.asarray(geometry.angles, dtype=np.float64),
        detectors=int(detector.size),
        detector_pitch=float(np.ravel(detector.cell_sides)[0]),
        image_shape=(rows, columns),
        pixel=(pixel_y, pixel_x),
        slice_spacing=slice_spacing,
    )


def ray_transform(geometry: ParallelGeometry, impl: str = "astra_cpu") -> Any:
    """ODL's own projector for a geometry, to compare with; needs ASTRA and square pixels."""
    odl = import_odl()
    space, described = odl_geometry(geometry)
    with fenced():
        return odl.applications.tomo.RayTransform(space, described, impl=impl)


def project_with_odl(transform: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """One slice (rows, columns) through ODL's projector: (views, bins)."""
    element = transform.domain.element(np.ascontiguousarray(to_odl_axes(image)))
    return np.asarray(transform(element).data)
