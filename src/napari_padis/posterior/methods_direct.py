"""Methods without a prior: entries of the registry."""

from __future__ import annotations

from types import MappingProxyType

from napari_padis.posterior.method import Method

DIRECT: tuple[Method, ...] = (
    Method(
        "fbp",
        "Direct (FBP, FDK, zero-filled)",
        "Direct reconstruction without a prior: filtered back-projection (Hann filter) of "
        "parallel and fan beams, FDK of cone beams, zero-filled MRI, and a regularised "
        "inverse for blurred, coarse or incomplete images.",
        "direct:start_fbp",
        0,
        1,
        needs_prior=False,
    ),
    Method(
        "cg",
        "Least squares (CG, CG-SENSE)",
        "Conjugate gradients on the data alone, with a small Tikhonov term; for every "
        "forward model, in MRI known as CG-SENSE.",
        "direct:start_cg",
        0,
        1,
        needs_prior=False,
        # Relative to norm(A)^2, between what was best for CT of 180 views (1e-3; more
        # blurs) and for a real eight-fold accelerated brain (1e-2; less is noisier).
        options=MappingProxyType({"iterations": 30, "ridge": 3e-3}),
    ),
)
