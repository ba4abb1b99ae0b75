"""All methods a user can choose, the most useful first. Free of torch until one is run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from napari_padis.errors import InputError
from napari_padis.posterior.method import RANGES, Method, Options
from napari_padis.posterior.methods_comparison import COMPARISON
from napari_padis.posterior.methods_direct import DIRECT
from napari_padis.posterior.methods_estimators import ESTIMATORS
from napari_padis.posterior.methods_samplers import SAMPLERS

__all__ = ["METHODS", "RANGES", "Method", "Options", "find_method"]

#: By name: those to use, then those to compare with.
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in sorted(
            (*SAMPLERS, *DIRECT, *ESTIMATORS, *COMPARISON), key=lambda method: method.comparison
        )
    }
)


def find_method(name: str) -> Method:
    """Look a method up; raises InputError that lists those there are."""
    try:
        return METHODS[name]
    except KeyError:
        raise InputError(
            f"There is no method '{name}'. Choose one of: {', '.join(METHODS)}."
        ) from None
