"""Results of earlier runs: kept in the layer list, hidden, to be compared with newer ones."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from napari_padis.gui import text
from napari_padis.gui.roles import MEAN, QUANTILES, STD, RoleLayers, take_out

if TYPE_CHECKING:
    from napari.layers import Layer

#: Layers of a run that are kept; the iterate is none of its results, the variance is the square
#: of the standard deviation.
KEPT = (STD, *QUANTILES.values(), MEAN)
#: Bytes that all earlier results may take together; the last of them stays whatever it takes.
LIMIT = 2 * 2**30


class EarlierRuns:
    """Gives the layers of a run that has ended names of their own, and lets go of them.

    Names that the user gave stay. Beyond :data:`LIMIT` the oldest results are taken out, but
    none that the user has named or shows.

    Parameters
    ----------
    roles : RoleLayers
    """

    def __init__(self, roles: RoleLayers) -> None:
        self._roles = roles
        self._count = 0
        self._kept: list[tuple[weakref.ref[Layer], str, int]] = []  # layer, its name, its run

    def keep(self, method: str) -> str:
        """Keep the run whose layers there are; returns what the user should know, or ''.

        Parameters
        ----------
        method : str
            The run's method in a few words.
        """
        self._count += 1
        for role in KEPT:
            layer = self._roles.get(role)
            if layer is None:
                continue
            self._roles.rename(role, earlier_name(layer.name, method, self._count))
            ours = self._roles.name(role)
            self._kept.append((weakref.ref(layer), ours, self._count))
            layer.visible = False
            self._roles.release(role)
        return self._bound()

    def _bound(self) -> str:
        """Take the oldest results out while all of them are too large."""
        viewer = self._roles.viewer
        if viewer is None:
            return ""
        there = [(ref(), name, run) for ref, name, run in self._kept]
        there = [entry for entry in there if entry[0] in viewer.layers]
        removed: list[str] = []
        total = sum(layer.data.nbytes for layer, _, _ in there if layer is not None)
        for layer, name, run in list(there):
            if total <= LIMIT or run == self._count:
                break
            if layer is None or layer.visible or layer.name != name:
                continue
            total -= layer.data.nbytes
            there.remove((layer, name, run))
            take_out(viewer, layer)
            removed.append(f"'{name}'")
        self._kept = [(weakref.ref(layer), name, run) for layer, name, run in there if layer]
        if not removed:
            return ""
        return (
            f"Earlier results take more than {text.size(LIMIT)}: {', '.join(removed)} "
            f"{'was' if len(removed) == 1 else 'were'} removed."
        )


def earlier_name(name: str, method: str, number: int) -> str:
    """``posterior mean, PaDIS fast 2``; ``FBP 1`` where the image is called as the method is."""
    parts = [name] if name == method or not method else [name, method]
    return f"{', '.join(parts)} {number}"
