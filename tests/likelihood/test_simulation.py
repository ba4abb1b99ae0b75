import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.likelihood import FORWARDS, ParallelBeam, build, simulate
from napari_padis.likelihood.simulated_noise import add_noise
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Noise
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import Volume


def water(unit="HU", value=0.0, air=-1000.0, slices=6):
    array = np.full((slices, 40, 36), air, dtype=np.float32)
    array[:, 10:30, 8:28] = value
    return Volume(array, (2.0, 1.5, 1.0), unit, name="box")


def test_hounsfield_become_line_integrals():
    geometry = ParallelGeometry([0.0, np.pi / 2], 40, 1.0, (40, 36), (1.5, 1.0))
    measurement = simulate(water(), geometry)
    assert measurement.data.shape == (6, 2, 40)
    assert measurement.data.dtype == np.float32
    assert measurement.data[0, 0].max() == pytest.approx(20 * 1.5 * MU_WATER, rel=1e-5)
    assert measurement.data[0, 1].max() == pytest.approx(20 * 1.0 * MU_WATER, rel=1e-5)
    assert measurement.unit == "HU"
    assert measurement.noise == Noise("none", sigma=0.0)
    assert measurement.geometry.slice_spacing == 2.0


def test_attenuation_is_taken_as_it_is():
    in_hu, in_mu = simulate(water()), simulate(water("1/mm", MU_WATER, 0.0))
    np.testing.assert_allclose(in_hu.data, in_mu.data, rtol=1e-4, atol=1e-5)
    assert in_mu.unit == "1/mm"


def test_padding_below_vacuum_counts_as_vacuum():
    np.testing.assert_array_equal(simulate(water(air=-3024)).data, simulate(water()).data)


def test_arbitrary_units_are_taken_and_reported(caplog):
    with caplog.at_level(logging.WARNING):
        measurement = simulate(water("arbitrary", 0.5, 0.0))
    assert "no physical unit" in caplog.text
    assert "no physical unit" in measurement.provenance["notes"][0]
    assert measurement.unit == "arbitrary"


def test_standard_geometry_by_default():
    measurement = simulate(water(), views=7, detectors=90)
    assert measurement.geometry.data_shape == (7, 90)
    assert measurement.geometry.detector_pitch == pytest.approx(2 * 60 / 90)
    assert measurement.spacing == (2.0, 1.5, 1.0)


@pytest.mark.parametrize(
    ("slices", "expected"),
    [(slice(2, 4), [2, 3]), (slice(1, 6, 2), [1, 3, 5]), ([0, 5], [0, 5]), ((4,), [4])],
)
def test_slices_keep_their_place(slices, expected):
    volume = water()
    volume.array[:] += np.arange(6)[:, None, None] * 10
    measurement = simulate(volume, slices=slices)
    whole = simulate(volume)
    np.testing.assert_allclose(measurement.data, whole.data[expected], rtol=1e-5, atol=1e-6)
    assert measurement.provenance["slices"] == expected
    first = measurement.affine @ [0, 3, 4, 1]
    last = measurement.affine @ [len(expected) - 1, 3, 4, 1]
    np.testing.assert_allclose(first, volume.affine @ [expected[0], 3, 4, 1])
    np.testing.assert_allclose(last, volume.affine @ [expected[-1], 3, 4, 1])
    assert measurement.spacing[0] == pytest.approx(np.linalg.norm(measurement.affine[:3, 0]))


def test_noise_is_seeded_and_recorded():
    clean = simulate(water())
    noise = Noise("gaussian", sigma=0.01)
    noisy, again = simulate(water(), noise=noise, seed=3), simulate(water(), noise=noise, seed=3)
    np.testing.assert_array_equal(noisy.data, again.data)
    assert (noisy.data - clean.data).std() == pytest.approx(0.01, rel=0.02)
    assert noisy.noise.sigma == 0.01
    assert noisy.provenance["seed"] == 3
    other = simulate(water(), noise=noise, seed=4)
    assert not np.array_equal(noisy.data, other.data)


def test_photons_give_a_representative_sigma():
    clean = simulate(water())
    noisy = simulate(water(), noise=Noise("poisson", photons=1e5, electronic=10))
    rms = np.sqrt(np.mean((noisy.data - clean.data) ** 2))
    assert noisy.noise.sigma == pytest.approx(rms, rel=0.02)
    assert noisy.noise.photons == 1e5


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"slices": slice(4, 4)}, "No slice"),
        ({"slices": [6]}, "between 0 and 5"),
        ({"slices": [3, 1]}, "foot to head"),
        ({"noise": Noise("gaussian")}, "sigma"),
        ({"noise": Noise("poisson")}, "photons"),
        ({"noise": Noise("unknown")}, "Unknown noise"),
        ({"geometry": ParallelGeometry.standard(4, (40, 36))}, "geometry is made for"),
        ({"geometry": ParallelGeometry.standard(4, (36, 40), (1.5, 1))}, "geometry is made for"),
        ({"views": 0}, "At least one view"),
    ],
)
def test_what_cannot_be_simulated_is_said(keywords, message):
    with pytest.raises(InputError, match=message):
        simulate(water(), **keywords)


def test_values_must_be_finite_and_transparent():
    volume = water()
    volume.array[3, 4, 5] = np.nan
    with pytest.raises(InputError, match="not finite"):
        simulate(volume)
    with pytest.raises(InputError, match="no photon"):
        simulate(water("arbitrary", 3.0, 0.0), noise=Noise("poisson", photons=1e5))


@pytest.mark.parametrize("unit", ["arbitrary", "1/mm"])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-4096, 4092), (-32768, 40), (-120, 300), (0, 1000), (-1.0, 1.0), (-0.02, 0.02)],
)
def test_values_that_cannot_be_attenuation_are_not_projected(unit, low, high):
    with pytest.raises(InputError, match=r"cannot be attenuation.*--unit"):
        simulate(water(unit, high, low))


def test_whole_numbers_below_zero_are_no_attenuation():
    volume = replace(water("arbitrary", 3, 0), array=water(value=3, air=0).array.astype(np.int16))
    simulate(volume)
    volume.array[2, 3, 4] = -1
    with pytest.raises(InputError, match="cannot be attenuation"):
        simulate(volume)


def test_noise_of_reconstructed_attenuation_is_projected():
    volume = water("1/mm", 0.02, 0.0)
    volume.array[:] += np.random.default_rng(0).normal(0, 0.002, volume.shape)
    data = simulate(volume, noise=Noise("poisson", photons=1e5))
    assert np.isfinite(data.data).all()
    assert data.noise.sigma > 0


def test_hounsfield_units_below_air_are_refused_but_for_noise_and_streaks():
    rng = np.random.default_rng(0)
    phase = replace(water(), array=rng.uniform(-4096, 4096, (6, 40, 36)).astype(np.float32))
    with pytest.raises(InputError, match=r"below -1100 HU.*--unit"):
        simulate(phase)
    noisy = replace(water(), array=water().array + rng.normal(0, 80, (6, 40, 36)))
    assert simulate(noisy).data.max() > 0
    streaks = replace(water(), array=np.where(rng.random((6, 40, 36)) < 5e-4, -1800, 0))
    assert simulate(streaks).data.max() > 0


def test_padding_is_air_and_is_said():
    volume = water(value=40.0)
    padded = replace(volume, array=volume.array.copy())
    padded.array[:, 0] = -32768
    measurement = simulate(padded)
    np.testing.assert_array_equal(measurement.data, simulate(volume).data)
    assert "216 voxels of -32768" in measurement.provenance["notes"][0]


def test_what_no_photon_passes_is_refused_in_a_physical_unit():
    for unit, value in (("1/mm", 5.0), ("HU", 2e5)):
        with pytest.raises(InputError, match=r"no photon comes.*spacing.*unit"):
            simulate(water(unit, value, 0.0))
    measurement = simulate(water("arbitrary", 5.0, 0.0))  # on a scale of its own
    assert "no photon comes" in measurement.provenance["notes"][1]


def test_photons_are_never_more_than_were_sent():
    clean = simulate(water("1/mm", 0.02, 0.0))
    with pytest.raises(InputError, match="more photons"):
        add_noise(replace(clean, data=-200 * clean.data), Noise("poisson", photons=1e5))


def test_maps_are_built_once():
    geometry = ParallelGeometry.standard(5, (20, 20))
    same = ParallelGeometry.standard(5, (20, 20), slice_spacing=9.0)
    assert build(geometry) is build(same)
    assert build(geometry) is not build(ParallelGeometry.standard(6, (20, 20)))
    assert isinstance(build(geometry), ParallelBeam)


def test_old_maps_are_forgotten():
    first = build(ParallelGeometry.standard(5, (12, 12)))
    for views in range(6, 14):
        build(ParallelGeometry.standard(views, (12, 12)))
    assert build(ParallelGeometry.standard(5, (12, 12))) is not first


def test_forward_models_are_listed_without_torch_or_odl():
    code = """
import sys
import napari_padis.likelihood as likelihood
names = {name: forward.title for name, forward in likelihood.FORWARDS.items()}
assert names['parallel']
assert 'simulate' in dir(likelihood)
assert not {'torch', 'odl', 'scipy', 'astra'} & set(sys.modules)
likelihood.simulate
assert 'odl' not in sys.modules
"""
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": source, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(forward.title and forward.description for forward in FORWARDS.values())


def test_unknown_names_are_attribute_errors():
    import napari_padis.likelihood as likelihood

    with pytest.raises(AttributeError, match="Nonsense"):
        likelihood.Nonsense  # noqa: B018
