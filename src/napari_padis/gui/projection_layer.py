"""Between raw projections and napari's layers, without importing napari."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_padis.gui.layer_data import LayerData
from napari_padis.gui.layer_world import KEY
from napari_padis.scan.display import percentile_limits
from napari_padis.scan.projections import Projections

#: Key of the projections in our entry of a layer's metadata.
HELD = "projections"
#: Detectors with fewer rows are shown as sinograms: their projections are mere lines.
FEW_ROWS = 16


class Held:
    """Keeps projections in a layer's metadata; copies of the layer share them.

    napari copies metadata deeply when a layer is duplicated, which an open file does not
    allow and a large array does not deserve.
    """

    def __init__(self, projections: Projections) -> None:
        self.projections = projections

    def __copy__(self) -> Held:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Held:
        return self

    def __repr__(self) -> str:
        return f"<projections '{self.projections.name}'>"


def projections_layer(projections: Projections, **overrides: Any) -> LayerData:
    """Image layer of raw projections, read from the file only where it is looked at.

    The axes are (view, S, row, bin) with one thick slice, or (row, view, bin) where the
    detector has few rows; so the slider of the slices is never as long as there are views.
    Contrast limits come from one view. While the detector pitch is unknown a bin
    is drawn 1 mm wide, because napari warns when units differ from layer to layer.

    Parameters
    ----------
    projections : Projections
    **overrides
        Layer arguments that differ, such as ``name``.
    """
    views, rows, bins = projections.shape
    middle = np.asarray(projections.data[views // 2])
    data = _lazy(projections.data)
    step = projections.detector_pitch or 1.0
    labels: tuple[str, ...]
    scale: tuple[float, ...]
    first: tuple[float, ...] = (0.0, 0.0, 0.0)
    if rows >= FEW_ROWS:
        data = data[:, None]
        labels = ("view", "S", "row", "detector")
        scale = (1.0, rows * step, step, step)
        first = (0.0, (rows - 1) / 2 * step, 0.0, 0.0)
    else:
        data = data.swapaxes(0, 1)
        labels = ("row", "view", "detector")
        # As with the sinograms of measurements: half as high as wide.
        scale = (step, step * bins / (2 * views), step)
        middle = np.asarray(data[rows // 2])
    arguments: dict[str, Any] = {
        "name": projections.name,
        "scale": scale,
        "translate": first,
        "units": ("mm",) * len(scale),
        "axis_labels": labels,
        "contrast_limits": percentile_limits(middle, 0.5, 99.5),
        "colormap": "gray",
        "metadata": {
            KEY: {
                "kind": "projections",
                "notes": list(projections.notes),
                HELD: Held(projections),
            }
        },
    }
    return data, arguments | overrides, "image"


def projections_from_layer(layer: Any) -> Projections | None:
    """The projections that a layer shows; None for any other layer."""
    metadata = getattr(layer, "metadata", None) or {}
    entry = metadata.get(KEY)
    held = entry.get(HELD) if isinstance(entry, dict) else None
    return held.projections if isinstance(held, Held) else None


def _lazy(data: Any) -> Any:
    """Arrays as they are; datasets of files as dask arrays of single views."""
    if isinstance(data, np.ndarray):
        return data
    import dask.array

    if isinstance(data, dask.array.Array):
        return data
    chunks = (1, *data.shape[1:])
    return dask.array.from_array(data, chunks=chunks, name=False, lock=True)
