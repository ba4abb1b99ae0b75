"""Measurements of all kinds as layers and back."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_padis.errors import InputError
from napari_padis.gui.facts import describe, geometry_facts
from napari_padis.gui.layer_data import (
    is_measurement,
    measurement_from_layer,
    measurement_layer,
    volume_from_layer,
)
from napari_padis.gui.measurement_data import DECADES, log_magnitude
from napari_padis.gui.sinogram import add_measurement
from napari_padis.gui.source import candidates, load, placement
from napari_padis.gui.world import Place
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    ConeGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    FanGeometry,
    MaskGeometry,
)
from napari_padis.scan.measurement import Measurement, Noise

HERE = Place((10.0, 20.0, 30.0))
SHAPE, PIXEL, SPACING = (12, 16), (2.0, 1.5), 5.0
GRID = {"image_shape": SHAPE, "pixel": PIXEL, "slice_spacing": SPACING}


def geometries():
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((3, 4, *SHAPE)) + 1j * rng.standard_normal((3, 4, *SHAPE))
    mask = rng.random(SHAPE) < 0.5
    return {
        "fan": FanGeometry.standard(5, SHAPE, PIXEL, SPACING, 20, curved=True),
        "cone": ConeGeometry.standard(7, (3, *SHAPE), (SPACING, *PIXEL), (4, 10)),
        "cartesian": CartesianGeometry(mask, 4, maps, **GRID),
        "blur": BlurGeometry(np.full((3, 3), 1 / 9), **GRID),
        "downsample": DownsampleGeometry(2, **GRID),
        "mask": MaskGeometry(mask, **GRID),
        "denoise": DenoiseGeometry(**GRID),
    }


def measurement_of(kind):
    geometry = geometries()[kind]
    rng = np.random.default_rng(1)
    shape = (3, *geometry.data_shape) if geometry.slicewise else geometry.data_shape
    data = rng.standard_normal(shape).astype(np.float32)
    if kind == "cartesian":
        data = (data + 1j * rng.standard_normal(shape)).astype(np.complex64) * geometry.mask
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    noise = Noise("poisson", 0.01, 1e5, 2.0) if geometry.attenuation else Noise("gaussian", 3.0)
    return Measurement(data, geometry, noise, "1/mm", 0.02, affine, "scan", {"by": "test"})


@pytest.mark.parametrize("kind", sorted(geometries()))
def test_a_layer_gives_the_measurement_back_exactly(kind):
    measurement = measurement_of(kind)
    data, options, layer_type = measurement_layer(measurement)
    assert layer_type == "image"
    assert data.ndim == (4 if kind == "cone" else 3)
    assert data.dtype == np.float32
    layer = Image(data, **options)
    assert [str(unit) for unit in layer.units] == ["millimeter"] * data.ndim
    back = measurement_from_layer(layer)
    np.testing.assert_array_equal(back.data, measurement.data)
    assert back.data.dtype == measurement.data.dtype
    assert back.geometry.key == measurement.geometry.key
    assert back.noise == measurement.noise
    assert (back.unit, back.mu_water, back.name) == ("1/mm", 0.02, "scan")
    assert back.provenance == {"by": "test"}
    np.testing.assert_array_equal(back.affine, measurement.affine)
    assert is_measurement(layer)
    with pytest.raises(InputError, match="not a volume"):
        volume_from_layer(layer)


def test_axes_and_scales():
    def layer(kind):
        return measurement_layer(measurement_of(kind), Place())[1]

    fan = geometries()["fan"]
    assert layer("fan")["axis_labels"] == ("slice", "view", "detector")
    assert layer("fan")["scale"][2] == fan.detector_pitch
    cone = geometries()["cone"]
    assert layer("cone")["axis_labels"] == ("view", "S", "row", "column")
    assert layer("cone")["scale"][2:] == cone.detector_pitch
    # One slice, as thick as all slices of the image and in the middle of them.
    assert layer("cone")["scale"][1] == cone.slices * cone.slice_spacing
    assert layer("cone")["translate"][1] == (cone.slices - 1) * cone.slice_spacing / 2
    assert layer("cartesian")["axis_labels"] == ("slice", "ky", "kx")
    assert layer("blur")["axis_labels"] == ("S", "P", "L")
    assert layer("blur")["scale"] == (5, 2, 1.5)
    assert layer("downsample")["scale"] == (5, 4, 3)
    assert layer("downsample")["translate"] == (0, 1, 0.75)


def test_kspace_is_shown_in_decades_of_its_sum_of_squares():
    kspace = np.zeros((1, 2, 2, 2), np.complex64)
    kspace[0, :, 0, 0] = 3, 4j  # root sum of squares 5
    kspace[0, 0, 1, 1] = 0.05
    kspace[0, 1, 0, 1] = 5e-9
    np.testing.assert_allclose(
        log_magnitude(kspace)[0], [[DECADES, 0], [0, DECADES - 2]], atol=1e-5
    )
    assert not log_magnitude(np.zeros((1, 1, 4, 4), np.complex64)).any()


def test_cropped_kspace_is_refused_in_plain_words():
    data, options, _ = measurement_layer(measurement_of("cartesian"))
    layer = SimpleNamespace(data=data[:, :5], name="k", metadata=options["metadata"])
    with pytest.raises(InputError, match="cropped"):
        measurement_from_layer(layer)


@pytest.mark.parametrize("kind", sorted(geometries()))
def test_the_layer_of_a_simulation_is_used_again_and_can_be_chosen(kind):
    from napari.components import ViewerModel

    viewer = ViewerModel()
    measurement = measurement_of(kind)
    layer = add_measurement(viewer, measurement, HERE)
    assert add_measurement(viewer, measurement, HERE) is layer
    assert candidates(viewer) == [layer]
    source = load(layer)
    assert isinstance(source, Measurement)
    # Wherever the data themselves lie, the image lies where it came from.
    assert placement(layer, source).translate == pytest.approx(HERE.translate)


def test_a_layer_in_other_length_units_is_placed_in_mm():
    layer = Image(np.zeros((2, 4, 4)), scale=(0.5, 0.1, 0.1), translate=(1, 2, 3), units="cm")
    assert placement(layer, load(layer), 1) == Place((15, 20, 30), "mm")
    pixels = Image(np.zeros((2, 4, 4)), scale=(2, 1, 1), translate=(1, 2, 3))
    assert placement(pixels, load(pixels), 1) == Place((3, 2, 3), "pixel")


def test_every_kind_is_described():
    described = {kind: describe(measurement_of(kind)) for kind in geometries()}
    assert described == {
        "fan": "Sinogram of 3 slices, 5 views, 20 bins; Poisson noise",
        "cone": "Cone-beam scan of 7 views, 4 × 10 detector pixels; Poisson noise",
        "cartesian": "k-space of 3 slices, 4 coils, 12 × 16 samples; Gaussian noise",
        "blur": "Image data of 3 slices, 12 × 16 pixels, in 1/mm; Gaussian noise",
        "downsample": "Image data of 3 slices, 6 × 8 pixels, in 1/mm; Gaussian noise",
        "mask": "Image data of 3 slices, 12 × 16 pixels, in 1/mm; Gaussian noise",
        "denoise": "Image data of 3 slices, 12 × 16 pixels, in 1/mm; Gaussian noise",
    }
    facts = {kind: geometry_facts(geometry, 3) for kind, geometry in geometries().items()}
    assert facts["downsample"].startswith("6 × 8 coarse pixels of 4 × 3 mm →")
    assert facts["fan"].startswith("5 views × 20 bins")
    assert "over 360°" in facts["fan"]
    assert all(text.endswith("3 slices of 12 × 16 pixels") for text in facts.values())
