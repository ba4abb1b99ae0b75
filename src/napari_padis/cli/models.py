"""Which options belong to which forward model, and what the axes of its data are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_padis.errors import InputError
from napari_padis.likelihood.settings import DEFAULTS

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

_CT = ("parallel", "fan", "cone")

#: Options of noise and phase, which are no settings of a geometry.
NOISE = ("sigma", "sigma_relative", "photons", "electronic", "phase")

#: Forward models that an option belongs to.
MODELS: dict[str, tuple[str, ...]] = {
    **{
        name: tuple(kind for kind, defaults in DEFAULTS.items() if name in defaults)
        for settings in DEFAULTS.values()
        for name in settings
    },
    "angles": _CT,
    "photons": _CT,
    "electronic": _CT,
    "phase": ("cartesian",),
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


def default(name: str) -> str:
    """Default of an option for its help, where it is a number or a name.

    It is told for each model where the models differ.
    """
    values = {kind: DEFAULTS[kind][name] for kind in MODELS[name]}
    plain = {kind: _plain(value) for kind, value in values.items() if not callable(value)}
    if len(set(plain.values())) == 1:
        return next(iter(plain.values()))
    return ", ".join(f"{kind} {value}" for kind, value in plain.items())


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
