"""The one controller of every viewer."""

from napari_padis.gui.controller import RunController
from napari_padis.gui.per_viewer import OnePerViewer

__all__ = ["OnePerViewer", "controller_for"]

#: The controller of a viewer's reconstructions.
controller_for = OnePerViewer(RunController)
