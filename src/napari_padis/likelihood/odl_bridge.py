"""The same geometries as ODL objects: its language in, its ray transform as a reference.

ODL's image axis 0 is x and axis 1 is y, ours are (row y, column x); :func:`to_odl_axes` is
the one place where they are exchanged. Both have x and y growing with the index, and a ray
of angle ``theta`` is ``x cos(theta) + y sin(theta) = s`` in both.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.likelihood.odl_fence import fenced, import_odl
from napari_padis.likelihood.rays import PlanarGeometry
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry


def to_odl_axes(image: NDArray[Any]) -> NDArray[Any]:
    """Exchange (..., y, x) and (..., x, y); its own inverse."""
    return np.swapaxes(image, -1, -2)


def odl_geometry(geometry: PlanarGeometry) -> tuple[Any, Any]:
    """ODL's description of a parallel or fan beam.

    Parameters
    ----------
    geometry : ParallelGeometry or FanGeometry
        Its angles must increase, as ODL's partitions do.

    Returns
    -------
    space : odl.DiscretizedSpace
        Image slices, axis 0 being x, in mm.
    geometry : odl.applications.tomo.Parallel2dGeometry or FanBeamGeometry
        A curved detector's partition is in radians.

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
    edges = geometry.shift + geometry.detectors * geometry.detector_pitch * np.array([-0.5, 0.5])
    tomo = odl.applications.tomo
    with fenced():
        space = odl.uniform_discr(
            [-half_x, -half_y], [half_x, half_y], (columns, rows), dtype="float32"
        )
        views = odl.nonuniform_partition(geometry.angles)
        if isinstance(geometry, ParallelGeometry):
            detector = odl.uniform_partition(*edges, geometry.detectors)
            return space, tomo.Parallel2dGeometry(views, detector)
        radius = geometry.source_detector
        edges = edges / radius if geometry.curved else edges
        detector = odl.uniform_partition(*edges, geometry.detectors)
        return space, tomo.FanBeamGeometry(
            views,
            detector,
            src_radius=geometry.source_origin,
            det_radius=radius - geometry.source_origin,
            det_curvature_radius=radius if geometry.curved else None,
        )


def from_odl(space: Any, geometry: Any, slice_spacing: float = 1.0) -> PlanarGeometry:
    """Plain numbers of an ODL geometry with lengths in mm.

    Parameters
    ----------
    space : odl.DiscretizedSpace
        Two-dimensional, centred on the rotation axis.
    geometry : odl.applications.tomo.Parallel2dGeometry or FanBeamGeometry
        With ODL's default axes and a uniform detector, flat or curved around the source.
    slice_spacing : float
        Distance of neighbouring slices in mm.

    Raises
    ------
    InputError
        If the geometry is of another kind, or the image not centred.
    """
    kind = type(geometry).__name__
    if kind not in ("Parallel2dGeometry", "FanBeamGeometry") or len(space.shape) != 2:
        raise InputError(
            "Only ODL's Parallel2dGeometry and FanBeamGeometry over a two-dimensional space are "
            "read."
        )
    detector = geometry.det_partition
    middle = np.abs(space.partition.mid_pt).max() / np.max(space.partition.extent)
    default = np.allclose(geometry.det_axis_init, (1, 0)) and not np.any(geometry.translation)
    if not (default and detector.is_uniform and middle < 1e-6):
        raise InputError(
            "The ODL geometry must have default axes and a uniform detector, and the image must "
            "be centred on the rotation axis."
        )
    pixel_x, pixel_y = (float(side) for side in space.cell_sides)
    columns, rows = space.shape
    scale, values = _fan_values(geometry) if kind == "FanBeamGeometry" else (1.0, {})
    made = FanGeometry if values else ParallelGeometry
    return made(
        angles=np.asarray(geometry.angles, dtype=np.float64),
        detectors=int(detector.size),
        detector_pitch=scale * float(np.ravel(detector.cell_sides)[0]),
        shift=scale * float(np.ravel(detector.mid_pt)[0]),
        image_shape=(rows, columns),
        pixel=(pixel_y, pixel_x),
        slice_spacing=slice_spacing,
        **values,
    )


def _fan_values(geometry: Any) -> tuple[float, dict[str, Any]]:
    """Millimetres per unit of the detector's partition, and what only a fan has."""
    origin = float(geometry.src_radius)
    distance = origin + float(geometry.det_radius)
    curvature = geometry.det_curvature_radius
    curved = curvature is not None
    shifts = geometry.src_shift_func, geometry.det_shift_func
    moved = any(np.any(shift(geometry.angles)) for shift in shifts)
    if moved or (curved and not np.allclose(curvature, distance)):
        raise InputError(
            "The ODL fan beam must have no shift functions, and a curved detector must have the "
            "source as its centre."
        )
    values = {"source_origin": origin, "source_detector": distance, "curved": curved}
    return distance if curved else 1.0, values


def ray_transform(geometry: PlanarGeometry, impl: str = "astra_cpu") -> Any:
    """ODL's own projector for a geometry; needs ASTRA and square pixels."""
    odl = import_odl()
    space, described = odl_geometry(geometry)
    with fenced(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The 'astra_cpu' backend may be too slow")
        return odl.applications.tomo.RayTransform(space, described, impl=impl)


def project_with_odl(transform: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """One slice (rows, columns) through ODL's projector: (views, bins)."""
    element = transform.domain.element(np.ascontiguousarray(to_odl_axes(image)))
    return np.asarray(transform(element).data)
