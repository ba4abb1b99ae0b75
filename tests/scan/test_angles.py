"""View angles: the unit they are stated in, and lists of them in every layout."""

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.angle_list import read_angles
from napari_padis.scan.angles import in_radians, is_angle_name, unit_in
from napari_padis.scan.preparation import Preparation, prepare
from napari_padis.scan.preparation.setup import completed
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read
from napari_padis.scan.read_projections import read_projections

DEGREES = np.arange(0, 180, 2.0)
TURN = np.arange(0, 360, 4.0)


def lines(values, form="%.6f", between="\n"):
    return between.join(form % value for value in values)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("anglesRad", "radians"),
        ("theta_deg", "degrees"),
        ("thetaRadians", "radians"),
        ("THETA_DEG", "degrees"),
        ("angleDEG", "degrees"),
        ("thetadeg", "degrees"),
        ("anglesrad", "radians"),
        ("Angle [rad]", "radians"),
        ("angle/°", "degrees"),
        ("angle (mrad)", "mrad"),
        ("radon_angles", ""),
        ("theta_radon", ""),
        ("radiographs_angles", ""),
        ("gradient_angle", ""),
        ("degraded", ""),
        ("theta_full_turn", ""),
        ("deg and rad", ""),
    ],
)
def test_units_are_whole_words(name, unit):
    assert unit_in(name) == unit


@pytest.mark.parametrize("name", ["theta_radon", "rotation_angle", "scanAngles", "tilt_angles_deg"])
def test_names_of_angles(name):
    assert is_angle_name(name)


@pytest.mark.parametrize("name", ["rectangle", "triangles", "sinogram", "deg", "by_angle_sorted"])
def test_names_of_other_things(name):
    assert not is_angle_name(name)


@pytest.mark.parametrize(
    ("values", "name", "units", "degrees"),
    [
        ([0.0, 1.5, 3.1], "theta", "", False),
        ([0.0, 90.0, 179.5], "theta", "", True),
        ([0, 1, 2, 3], "angles", "", True),
        ([45.0], "angles", "", True),
        ([292.1, 293.2, 295.3], "anglesRad", "", False),
        ([0.0, 1.0, 2.5], "theta_deg", "", True),
        ([0.0, 1.0, 2.5], "theta", "degree", True),
        ([0.0, 1.5], "theta", "radians", False),
        (DEGREES, "theta_radon", "", True),
        # Several turns, and the golden angle, are nothing unusual.
        (np.linspace(0, 10 * np.pi, 500, endpoint=False), "theta_rad", "", False),
        (np.linspace(0, 10 * np.pi, 500, endpoint=False), "theta", "", False),
        (np.arange(0, 3600, 7.5), "theta", "deg", True),
        (np.arange(60) * 2.399963, "theta_rad", "", False),
        (np.arange(60) * 137.50776, "theta_deg", "", True),
        # An arc of a tomosynthesis.
        (np.linspace(-12.5, 12.5, 26), "theta", "", True),
    ],
)
def test_unit_of_angles(values, name, units, degrees):
    found = in_radians(values, name, units)
    np.testing.assert_allclose(found.values, np.deg2rad(values) if degrees else values)
    assert found.unit == ("degrees" if degrees else "radians")
    assert found.unit in found.notes[0]
    assert "contradict" not in " ".join(found.notes)


@pytest.mark.parametrize(
    ("values", "stated", "taken"),
    [
        (DEGREES, "rad", "degrees"),
        (DEGREES + 0.25, "radians", "degrees"),
        (np.arange(0, 180, 0.5), "rad", "degrees"),
        (np.arange(0, 360, 0.1), "rad", "degrees"),
        (np.arange(-60, 60.5, 0.5), "rad", "degrees"),
        (np.arange(60) * 111.246, "rad", "degrees"),
        (np.deg2rad(DEGREES), "degrees", "radians"),
        (np.deg2rad(TURN), "deg", "radians"),
        (np.linspace(0, np.pi, 181), "deg", "radians"),
    ],
)
def test_a_unit_that_the_values_contradict_is_not_followed_in_silence(values, stated, taken):
    for found in (in_radians(values, "theta", stated), in_radians(values, f"theta_{stated}")):
        assert found.unit == taken
        np.testing.assert_allclose(
            found.values, values if taken == "radians" else np.deg2rad(values)
        )
        assert "contradict" in found.notes[0]
        assert "--angle-unit" in found.notes[0]


def test_what_cannot_be_decided_is_followed_with_a_word():
    found = in_radians(np.linspace(0, 2, 90), "theta", "degrees")
    assert found.unit == "degrees"
    assert "unusual arc of 2 degrees" in found.notes[0]


@pytest.mark.parametrize("unit", ["furlong", "mm"])
def test_unknown_unit(unit):
    with pytest.raises(InputError, match="degrees or radians are understood"):
        in_radians(DEGREES, "theta", unit)


def test_directions_that_come_twice_are_noted():
    assert "same angle" in in_radians(np.zeros(20), "theta_deg").notes[-1]
    assert "same direction twice" in in_radians(np.arange(0, 361.0, 5), "theta").notes[-1]
    assert "3 of 7" in in_radians([0.0, 30, 60, 90, 0, 30, 60], "theta").notes[-1]
    assert len(in_radians(DEGREES, "theta").notes) == 1


def test_angles_that_are_no_numbers_name_the_view():
    with pytest.raises(InputError, match="view 3"):
        in_radians([0.0, 1.0, np.nan, 3.0], "theta")


LISTS = {
    "one line, commas": lines(DEGREES, between=", "),
    "one line, blanks": lines(DEGREES, between=" "),
    "semicolons": lines(DEGREES, between=";"),
    "tabs": lines(DEGREES, between="\t"),
    "trailing commas": lines(DEGREES, "%.1f,"),
    "broken into lines": "\n".join(lines(DEGREES[k : k + 7], between=" ") for k in range(0, 90, 7)),
    "a table of them": "\n".join(lines(DEGREES[k : k + 9], between=",") for k in range(0, 90, 9)),
    "Windows": "\ufeff" + lines(DEGREES, between="\r\n"),
    "scientific": lines(DEGREES, "%.18e"),
    "Fortran": lines(DEGREES, "%.6e").replace("e", "D"),
    "decimal commas": lines(DEGREES, "%.2f").replace(".", ","),
    "decimal commas, semicolons": lines(DEGREES, "%.2f", "; ").replace(".", ","),
    "degree signs": lines(DEGREES, "%g°"),
    "with the unit": lines(DEGREES, "%g deg"),
    "index": "\n".join(f"{k} {a}" for k, a in enumerate(DEGREES)),
    "index from one, tab": "\n".join(f"{k}\t{a}" for k, a in enumerate(DEGREES, 1)),
    "index, whole numbers": "\n".join(f"{k},{a:.0f}" for k, a in enumerate(DEGREES)),
    "index, header": "index,angle\n" + "\n".join(f"{k},{a:.0f}" for k, a in enumerate(DEGREES)),
    "names": "\n".join(f"proj_{k:04d}.tif {a}" for k, a in enumerate(DEGREES)),
    "quoted names": "\n".join(f'"my scan {k}.tif","{a}"' for k, a in enumerate(DEGREES)),
    "times beside": "\n".join(f"{1.7 * k} {a} 20{k % 7}.5" for k, a in enumerate(DEGREES)),
    "named column": "time;theta [deg];current\n"
    + "\n".join(f"{2 * k};{a};{180 - 2 * k}" for k, a in enumerate(DEGREES)),
    "two columns of that name": "angle no,angle (deg),angle error\n"
    + "\n".join(f"{k},{a},{0.1 + 0.01 * (k % 3):.2f}" for k, a in enumerate(DEGREES)),
    "degrees and radians": "\n".join(f"{a} {np.deg2rad(a):.6f}" for a in DEGREES),
    "header": "Scan 42 of 2026-01-03, 90 views\n" + lines(DEGREES),
    "remark": "; exported\n# theta (deg)\n" + lines(DEGREES),
    "count first": "90\n" + lines(DEGREES),
    "summary below": lines(DEGREES) + "\nTotal: 90 views\nEnd of list",
    "MATLAB": "theta = [" + lines(DEGREES, between=" ") + "];",
    "Python": "angles = np.array([" + lines(DEGREES, between=", ") + "])",
    "radians by a header": "// Angle (rad)\n" + lines(np.deg2rad(DEGREES), "%.9f"),
    "radians by a column": "view angleRad\n"
    + "\n".join(f"{k} {np.deg2rad(a):.9f}" for k, a in enumerate(DEGREES)),
    "radians by their range": lines(np.deg2rad(DEGREES), "%.9f"),
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_in_every_layout(tmp_path, text):
    (tmp_path / "list.txt").write_text(text, encoding="utf-8", newline="")
    np.testing.assert_allclose(
        read_angles(tmp_path / "list.txt").values, np.deg2rad(DEGREES), atol=1e-8
    )


@pytest.mark.parametrize("name", ["radiographs_angles", "radon_angles", "gradient", "degraded"])
def test_the_name_of_a_list_is_no_unit_by_chance(tmp_path, name):
    path = tmp_path / f"{name}.txt"
    path.write_text(lines(DEGREES + 0.25, "%.18e"))
    np.testing.assert_allclose(read_angles(path).values, np.deg2rad(DEGREES + 0.25))


@pytest.mark.parametrize("values", [DEGREES[::-1], -DEGREES, DEGREES + 1000.5])
def test_sense_and_start_are_kept(tmp_path, values):
    (tmp_path / "a.txt").write_text(lines(values))
    np.testing.assert_allclose(read_angles(tmp_path / "a.txt").values, np.deg2rad(values))


def test_lists_in_utf_16_and_arrays(tmp_path):
    (tmp_path / "a.txt").write_bytes(lines(DEGREES).encode("utf-16"))
    np.save(tmp_path / "a.npy", DEGREES)
    np.save(tmp_path / "b.npy", np.stack([np.arange(90), DEGREES], axis=1))
    for name in ("a.txt", "a.npy", "b.npy"):
        np.testing.assert_allclose(read_angles(tmp_path / name).values, np.deg2rad(DEGREES))


@pytest.mark.parametrize(
    "text", ["{k} {a:.3f}", "{k},{a:.3f}", "p{k}.tif {a:.3f}", "{k}\t{a:.3f}°"]
)
def test_angles_in_no_order_beside_their_numbers(tmp_path, text):
    values = np.round((np.arange(40) * 111.246) % 360, 3)
    (tmp_path / "a.txt").write_text("\n".join(text.format(k=k, a=a) for k, a in enumerate(values)))
    np.testing.assert_allclose(read_angles(tmp_path / "a.txt").values, np.deg2rad(values))


DAMAGED = {
    "numbers or angles": (
        "\n".join(f"{k} {200 + k % 7}" for k in range(180)),
        "which of the 2 columns",
    ),
    "a word in between": (lines(DEGREES) + "\nabc\n3", "Line 91 .* holds no angle"),
    "a word on the line": ("0, 1, x, 3", "'x' among its numbers"),
    "a missing number": ("0 0\n1 2\n2\n3 6\n4 8", "Line 3 .* has 1 numbers"),
    "not a number": (lines(DEGREES) + "\nnan", "view 91"),
    "two candidates": ("\n".join(f"{k} {2 * k} {3 * k}" for k in range(90)), "which of the 3"),
    "commas of two kinds": ("0,0\n1,2\n2,4\n3,6", "decimals or columns"),
    "settings": (
        "[System]\nScanner=X1172\nVoltage (kV)= 100\nCurrent (uA)= 99\nRows= 1024\nStep=0.4\n",
        "named settings",
    ),
    "nothing": (" \n# none\n", "holds no numbers"),
    "binary": ("\0\1\2\n", "damaged"),
}


@pytest.mark.parametrize(("text", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_list_that_is_not_clear_says_so(tmp_path, text, said):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        read_angles(tmp_path / "list.txt")


@pytest.fixture
def sinogram(rng):
    return rng.uniform(0, 2, (90, 64)).astype(np.float32)


@pytest.mark.parametrize("key", ["theta", "theta_radon", "radon_angles", "angles_deg", "theta_rad"])
@pytest.mark.parametrize("structure", [True, False])
def test_degrees_in_matlab_and_numpy_files(tmp_path, sinogram, key, structure):
    values = DEGREES + 0.5
    held = {"sinogram": sinogram.T, key: values}
    scipy.io.savemat(tmp_path / "a.mat", {"CT_data": held} if structure else held)
    np.savez(tmp_path / "a.npz", sinogram=sinogram, theta=values)
    for name in ("a.mat", "a.npz"):
        found = read(tmp_path / name)
        np.testing.assert_allclose(found.angles, np.deg2rad(values))
        np.testing.assert_array_equal(found.data[:, 0], sinogram)
    contradiction = "contradict" in " ".join(read(tmp_path / "a.mat").notes)
    assert contradiction == (key == "theta_rad")


def test_unit_in_a_text_beside_the_angles(tmp_path, sinogram):
    values = np.linspace(0, 5.5, 90)
    np.savez(tmp_path / "a.npz", sinogram=sinogram, angles=values, angle_unit="degrees")
    assert np.rad2deg(read(tmp_path / "a.npz").angles[-1]) == pytest.approx(5.5)
    # A unit of lengths says nothing of angles.
    np.savez(tmp_path / "b.npz", sinogram=sinogram, angles=values, units="mm")
    assert read(tmp_path / "b.npz").angles[-1] == pytest.approx(5.5)
    scan = {"sino": sinogram.T, "theta": values, "thetaUnits": "degrees"}
    scipy.io.savemat(tmp_path / "a.mat", {"scan": scan})
    assert np.rad2deg(read(tmp_path / "a.mat").angles[-1]) == pytest.approx(5.5)


def test_the_list_that_fits_is_taken(tmp_path, sinogram):
    np.savez(tmp_path / "a.npz", theta_table=np.arange(7.0), sinogram=sinogram, theta=DEGREES)
    np.testing.assert_allclose(read(tmp_path / "a.npz").angles, np.deg2rad(DEGREES))


@pytest.mark.parametrize("attribute", ["units", "unit", "Units"])
@pytest.mark.parametrize("value", ["deg", b"rad", ""])
def test_attributes_of_dxchange(tmp_path, sinogram, attribute, value):
    radians = value == b"rad"
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = sinogram[:, None]
        file["exchange/theta"] = np.deg2rad(DEGREES) if radians else DEGREES
        file["exchange/theta"].attrs[attribute] = value
    np.testing.assert_allclose(read(tmp_path / "a.h5").angles, np.deg2rad(DEGREES))


def test_dxchange_in_radians_without_saying_so(tmp_path, sinogram):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = sinogram[:, None]
        file["exchange/theta"] = np.deg2rad(DEGREES)
    found = read(tmp_path / "a.h5")
    np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))
    assert "taken as radians" in " ".join(found.notes)


def test_lists_beside_a_tiff_file(tmp_path, sinogram):
    pages = sinogram.reshape(90, 8, 8)
    for name, values in (("radiographs", DEGREES), ("scan", DEGREES)):
        tifffile.imwrite(tmp_path / f"{name}.tif", pages)
        ending = "_angles.csv" if name == "scan" else "_angles.txt"
        (tmp_path / f"{name}{ending}").write_text(lines(values, "%.18e"))
        found = read(tmp_path / f"{name}.tif")
        assert isinstance(found, Projections)
        np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))
    other = read_projections(tmp_path / "radiographs.tif", angles=tmp_path / "scan_angles.csv")
    np.testing.assert_allclose(other.angles, np.deg2rad(DEGREES))
    (tmp_path / "scan_angles.csv").write_text(lines(np.append(DEGREES, 360)))
    with pytest.raises(InputError, match=r"90 views, but 'scan_angles.csv' lists 91 angles"):
        read(tmp_path / "scan.tif")


@pytest.mark.parametrize("unit", ["degrees", "radians"])
def test_a_unit_read_wrongly_can_be_set_right(tmp_path, sinogram, unit):
    values = np.linspace(0, 2, 90)
    for name in ("theta_deg", "theta_rad"):
        np.savez(tmp_path / "a.npz", sinogram=sinogram, **{name: values})
        scan = completed(read(tmp_path / "a.npz"), Preparation(angle_unit=unit))
        np.testing.assert_allclose(scan.angles, values if unit == "radians" else np.deg2rad(values))
    chosen = Preparation(angle_unit=unit, beam="parallel", centre=None, rings=False)
    made = prepare(read(tmp_path / "a.npz"), chosen)
    np.testing.assert_allclose(made.geometry.angles, scan.angles)
    assert made.provenance["preparation"]["angle_unit"] == unit
