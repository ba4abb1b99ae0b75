"""Noise of simulated measurements."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood.noise import Gaussian, Poisson
from napari_padis.scan.geometry import CartesianGeometry, MaskGeometry
from napari_padis.scan.measurement import Measurement, Noise

#: Line integral above which practically no photon arrives, whatever the tube.
OPAQUE = 40.0

#: Line integral below which more photons would arrive than noise of an image explains.
GAIN = -1.0


def add_noise(measurement: Measurement, noise: Noise, seed: int = 0) -> Measurement:
    """Noisy copy of a measurement; data that are not measured stay zero.

    Parameters
    ----------
    measurement : Measurement
        Without noise.
    noise : Noise
        As :func:`simulate` takes it.
    seed : int

    Returns
    -------
    Measurement
        Its noise has ``sigma`` filled in, of photon noise the RMS over all rays.

    Raises
    ------
    InputError
        If the noise is unknown, not described completely, or does not belong to the model.
    """
    model = _model(measurement, noise)
    if model is None:
        return dataclasses.replace(measurement, noise=dataclasses.replace(noise, sigma=0.0))
    geometry, clean = measurement.geometry, torch.from_numpy(measurement.data)
    noisy = model.apply(clean, torch.Generator().manual_seed(seed)).numpy()
    if isinstance(geometry, CartesianGeometry | MaskGeometry):
        noisy = noisy * geometry.mask
    recorded = dataclasses.replace(noise, sigma=model.sigma(clean))
    provenance = {**measurement.provenance, "seed": seed}
    return dataclasses.replace(measurement, data=noisy, noise=recorded, provenance=provenance)


def root_mean_square(measurement: Measurement) -> float:
    """RMS of what was measured; of real and imaginary part each where data are complex.

    Noise levels are given as shares of it.
    """
    data, geometry = measurement.data, measurement.geometry
    if isinstance(geometry, CartesianGeometry | MaskGeometry):
        data = data[..., geometry.mask]
    power = np.square(data.real, dtype=np.float64)
    if np.iscomplexobj(data):
        power = (power + np.square(data.imag, dtype=np.float64)) / 2
    return float(np.sqrt(power.mean()))


def _model(measurement: Measurement, noise: Noise) -> Gaussian | Poisson | None:
    if noise.kind == "none":
        return None
    if noise.kind == "gaussian":
        if noise.sigma is None:
            raise InputError("Gaussian noise needs its standard deviation, sigma.")
        return Gaussian(noise.sigma)
    if noise.kind != "poisson":
        raise InputError(f"Unknown noise '{noise.kind}'; use none, gaussian or poisson.")
    geometry = measurement.geometry
    if not geometry.attenuation:
        raise InputError(
            f"Poisson noise belongs to transmission through matter, not to the model "
            f"'{geometry.kind}': use Gaussian noise."
        )
    if noise.photons is None:
        raise InputError("Poisson noise needs the number of photons per ray.")
    low, high = float(measurement.data.min()), float(measurement.data.max())
    if not high <= OPAQUE:
        raise InputError(
            f"Line integrals reach {high:.3g}: no photon would arrive; check the spacing of the "
            "volume, and state its unit with --unit, or Unit in the dock."
        )
    if not low >= GAIN:
        raise InputError(
            f"Line integrals reach down to {low:.3g}: more photons would arrive than are sent; "
            "state the unit of the volume with --unit, or Unit in the dock."
        )
    return Poisson(noise.photons, noise.electronic)
