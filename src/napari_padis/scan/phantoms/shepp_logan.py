"""The three-dimensional head phantom of Shepp and Logan in Hounsfield units."""

from __future__ import annotations

import numpy as np

from napari_padis.scan.phantoms.canvas import Canvas, ellipsoid_distance
from napari_padis.scan.volume import Volume

#: Density relative to water, half axes and centre (unit: half the field of view) and angle
#: in degrees of each ellipsoid; later ones add to earlier ones.
ELLIPSOIDS = (
    (2.00, 0.6900, 0.920, 0.810, 0.00, 0.0000, 0.00, 0),
    (-0.98, 0.6624, 0.874, 0.780, 0.00, -0.0184, 0.00, 0),
    (-0.02, 0.1100, 0.310, 0.220, 0.22, 0.0000, 0.00, -18),
    (-0.02, 0.1600, 0.410, 0.280, -0.22, 0.0000, 0.00, 18),
    (0.01, 0.2100, 0.250, 0.410, 0.00, 0.3500, -0.15, 0),
    (0.01, 0.0460, 0.046, 0.050, 0.00, 0.1000, 0.25, 0),
    (0.01, 0.0460, 0.046, 0.050, 0.00, -0.1000, 0.25, 0),
    (0.01, 0.0460, 0.023, 0.050, -0.08, -0.6050, 0.00, 0),
    (0.01, 0.0230, 0.023, 0.020, 0.00, -0.6060, 0.00, 0),
    (0.01, 0.0230, 0.046, 0.020, 0.06, -0.6050, 0.00, 0),
)


def shepp_logan_3d(
    shape: tuple[int, int, int] = (48, 256, 256),
    spacing: tuple[float, float, float] = (5.0, 1.0, 1.0),
) -> Volume:
    """Head phantom with the contrasts of the original.

    The densities of Shepp and Logan (IEEE Trans. Nucl. Sci. 21, 1974), with the third
    dimension of Kak and Slaney (Principles of Computerized Tomographic Imaging, 1988,
    section 3.1), are attenuations relative to water, so that HU = 1000 (density - 1):
    air -1000, skull 1000, brain 20, ventricles 0, lesions 10 HU above the brain.
    The unit length is half the larger side of the field of view (128 mm by default).

    Parameters
    ----------
    shape : tuple of int
        Slices, rows, columns.
    spacing : tuple of float
        Voxel spacing in mm.

    Returns
    -------
    Volume
        float32, HU. The larger ventricle is on the patient's right, which is the left
        of a radiological picture, as in the paper's figure.
    """
    canvas = Canvas(shape, spacing, 0.0)
    unit = max(n * s for n, s in zip(shape[1:], spacing[1:], strict=True)) / 2
    for density, a, b, c, x, y, z, degrees in ELLIPSOIDS:
        # The paper's x axis points to the picture's right, which is the patient's left.
        distance = ellipsoid_distance(
            canvas.x,
            canvas.y,
            canvas.z,
            (-x * unit, y * unit, z * unit),
            (a * unit, b * unit, c * unit),
            turn=-float(np.radians(degrees)),
        )
        canvas.hu += np.float32(density) * canvas.soft(distance)
    return Volume(
        array=np.asarray(1000 * (canvas.hu - 1), dtype=np.float32),
        spacing=spacing,
        unit="HU",
        name="Shepp-Logan",
        metadata={"format": "sample", "source": "Shepp and Logan 1974, Kak and Slaney 1988"},
    )
