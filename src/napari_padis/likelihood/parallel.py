"""Parallel-beam CT of stacks of slices."""

from __future__ import annotations

from napari_padis.likelihood.planar import PlanarBeam
from napari_padis.scan.geometry import ParallelGeometry


class ParallelBeam(PlanarBeam):
    """Line integrals of attenuation slices along parallel rays.

    ``A`` maps attenuation in 1/mm, shape (..., rows, columns), to dimensionless line
    integrals, shape (..., views, bins); ``AT`` is its Euclidean transpose and ``pinv``
    filtered back-projection. Parameters and errors are those of :class:`PlanarBeam`.
    """

    geometry: ParallelGeometry
