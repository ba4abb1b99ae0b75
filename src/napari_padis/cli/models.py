"""Which options belong to which forward model, and what the axes of its data are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_padis.errors import InputError

#: What the axes of the data are.
AXES = {
    "parallel": ("slices", "views", "bins"),
    "fan": ("slices", "views", "bins"),
    "cone": ("views", "detector rows", "detector columns"),
    "cartesian": ("slices", "coils", "rows", "columns"),
    "blur": ("slices", "rows", "columns"),
    "downsample": ("slices", "coarse rows", "coarse columns"),
    "mask": ("slices", "rows", "columns"),
    "denoise": ("slices", "rows", "columns"),
}

#: Forward models that an option belongs to.
MODELS = {
    "views": ("parallel", "fan", "cone"),
    "detectors": ("parallel", "fan", "cone"),
    "arc": ("parallel", "fan", "cone"),
    "angles": ("parallel", "fan", "cone"),
    "photons": ("parallel", "fan", "cone"),
    "electronic": ("parallel", "fan", "cone"),
    "source_origin": ("fan", "cone"),
    "source_detector": ("fan", "cone"),
    "curved": ("fan",),
    "detector_rows": ("cone",),
    "mask": ("cartesian",),
    "acceleration": ("cartesian",),
    "centre": ("cartesian",),
    "coils": ("cartesian",),
    "phase": ("cartesian",),
    "kernel": ("blur",),
    "size": ("blur",),
    "width": ("blur",),
    "factor": ("downsample",),
    "missing": ("mask",),
}


def check_options(kind: str, given: Mapping[str, Any]) -> None:
    """Raise InputError for an option that does not belong to the model."""
    for name in given:
        models = MODELS.get(name, (kind,))
        if kind not in models:
            flag = name.replace("_", "-")
            raise InputError(
                f"The option --{flag} does not belong to the forward model '{kind}' but to "
                f"{' and '.join(models)}."
            )
