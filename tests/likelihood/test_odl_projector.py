"""ODL's ray transform as a back end."""

import dataclasses

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood import odl_projector
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

#: Angles in disorder, one of them twice.
ANGLES = np.array([0.1, 4.0, 0.3, 2.2, 4.0, 5.9, 3.3])

POSSIBLE = {
    "parallel": ParallelGeometry(ANGLES, 60, 1.0, (40, 33), (1.2, 1.2)),
    "fan": FanGeometry(ANGLES, 61, 1.6, 80.0, 140.0, (40, 33), (1.2, 1.2)),
    "fan, shifted": FanGeometry(ANGLES, 61, 1.6, 80.0, 140.0, (33, 40), (0.9, 0.9), shift=-7.0),
}


@pytest.fixture(params=POSSIBLE.values(), ids=POSSIBLE.keys())
def possible(request):
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    return request.param


def test_transpose_is_euclidean(possible, beam, assert_adjoint):
    assert_adjoint(beam(possible, backend="odl"), 1e-5)


def test_agrees_with_the_matrix_on_a_smooth_image(possible, beam, blob):
    """Exactly the same rays in parallel beams; in fans other weights of the pixels."""
    size = [n * p for n, p in zip(possible.image_shape, possible.pixel, strict=True)]
    image = torch.from_numpy(blob(possible, (3.0, -4.0), (size[0] / 7, size[1] / 6))[0]).float()
    odl, own = beam(possible, backend="odl"), beam(possible)
    expected = odl.A(image)
    tolerance = 1e-5 if possible.kind == "parallel" else 0.01
    assert (own.A(image) - expected).norm() < tolerance * expected.norm()
    assert odl.backend == "odl"
    assert odl.how == "ODL's ray transform on ASTRA (astra_cpu), slice by slice"
    # The transposes of different rays differ from pixel to pixel, but have the same scale.
    assert float(own.AT(expected).sum()) == pytest.approx(float(odl.AT(expected).sum()), rel=1e-3)


def test_gradient_is_the_transpose(possible, beam):
    odl = beam(possible, backend="odl")
    x = torch.rand(2, *possible.image_shape, requires_grad=True)
    y = torch.rand(2, *possible.data_shape)
    (odl.A(x) * y).sum().backward()
    torch.testing.assert_close(x.grad, odl.AT(y))


def test_pinv_is_that_of_the_other_back_ends(possible, beam):
    y = torch.rand(possible.data_shape)
    odl, own = beam(possible, backend="odl"), beam(possible)
    torch.testing.assert_close(odl.pinv(y), own.pinv(y))


@pytest.mark.parametrize(
    ("geometry", "changes", "message"),
    [
        ("fan", {"curved": True}, "no curved detectors"),
        ("fan", {"pixel": (1.0, 1.3)}, "square pixels"),
        ("parallel", {"shift": 1.0}, "shifts no parallel detectors"),
    ],
)
def test_what_odl_cannot_do_is_said(geometry, changes, message, beam):
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    with pytest.raises(InputError, match=message):
        beam(dataclasses.replace(POSSIBLE[geometry], **changes), backend="odl")


def test_double_precision_is_not_pretended(beam):
    pytest.importorskip("astra", reason="ODL's ray transform needs the astra-toolbox")
    with pytest.raises(InputError, match="single precision"):
        beam(POSSIBLE["fan"], dtype=torch.float64, backend="odl")


def test_missing_astra_is_said(monkeypatch, beam):
    monkeypatch.setattr(odl_projector, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"napari-padis\[astra\]"):
        beam(POSSIBLE["fan"], backend="odl")
