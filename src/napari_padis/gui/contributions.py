"""What napari calls: readers, writers and sample data as plain functions.

Nothing here imports Qt, torch, ODL or napari when it is loaded; file libraries are
imported by the call that needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.gui.layer_data import (
    LayerData,
    measurement_from_layer,
    measurement_layer,
    volume_from_layer,
    volume_layer,
)
from napari_padis.gui.projection_layer import projections_layer
from napari_padis.gui.sniff import is_ours
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read_all
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

__all__ = [
    "get_reader",
    "measurement_from_layer",
    "measurement_layer",
    "read_layers",
    "sample_ct_small",
    "sample_ct_small_sinogram",
    "sample_shepp_logan",
    "sample_shepp_logan_sinogram",
    "sample_torso",
    "sample_torso_sinogram",
    "volume_from_layer",
    "volume_layer",
    "write_measurement_layer",
    "write_nifti_layer",
    "write_tiff_layer",
]

PathOrPaths = str | Path | Sequence[str | Path]

#: Name of the dock that turns raw projections into a measurement, as in the manifest.
PREPARE = "Prepare measured data"

#: Views of the sample sinograms, the number of the PaDIS experiments.
SAMPLE_VIEWS = 20


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """Reader of a file, a DICOM or TIFF folder or a list of them, or None.

    Looks at names, first bytes and, in HDF5 files, at the names of a few entries only.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    if not paths or not all(is_ours(Path(p)) for p in paths):
        return None
    return read_layers


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """Read one layer for every volume, DICOM series, measurement or raw scan.

    Notes of the reader (gantry tilt, missing slices, guessed unit) are shown as
    notifications and kept in the layer's metadata. Raw projections stay in their file;
    a notification leads to the dock that makes a measurement of them.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    layers: list[LayerData] = []
    for scan in read_all(paths):
        if isinstance(scan, Measurement):
            _show_notes(scan.name, scan.provenance.get("notes", ()))
            layers.append(measurement_layer(scan))
        elif isinstance(scan, Projections):
            layers.append(projections_layer(scan))
            _lead_on(scan)
        else:
            _show_notes(scan.name, scan.notes)
            layers.append(volume_layer(scan))
    _keep_upright()
    return layers


def _keep_upright() -> None:
    """Show the patient upright in the other planes and unmirrored in 3D, where there is a window.

    Axial slices are so by themselves.
    """
    if "napari" not in sys.modules:
        return
    import napari

    viewer = napari.current_viewer()
    if viewer is not None:
        from napari_padis.gui.view import keep_upright

        keep_upright(viewer)


def _lead_on(projections: Projections) -> None:
    """Tell what to do with raw projections, with a button that does it."""
    _show_notes(projections.name, projections.notes)
    if "napari" not in sys.modules:
        return
    from napari.utils.notifications import Notification, notification_manager

    # napari shows the beginning only, until the notification is unfolded.
    message = f"Raw projections opened. Next: Layers › Transform › {PREPARE}."
    actions = [("Prepare …", lambda _widget: open_preparation())]
    notification_manager.dispatch(Notification(message, "info", actions=actions))


def open_preparation() -> None:
    """Open the dock "Prepare measured data" in the current viewer, or bring it up."""
    import napari

    open_dock(napari.current_viewer(), PREPARE)


def open_dock(viewer: Any, name: str) -> None:
    """Open one of this plugin's docks or bring it up, where there is a window for it."""
    window = getattr(viewer, "window", None)
    if window is not None:
        dock, _widget = window.add_plugin_dock_widget("napari-padis", name)
        dock.show()
        dock.raise_()


def _show_notes(name: str, notes: Sequence[str]) -> None:
    """Tell the user what the reader noticed, when there is a window to tell it in."""
    if "napari" not in sys.modules:
        return
    from napari.utils.notifications import show_info

    for note in notes:
        show_info(f"{name}: {note}")


def write_nifti_layer(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write an image layer as NIfTI; its affine is the layer's whole transform."""
    return [str(write(path, _volume(data, meta)))]


def write_tiff_layer(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write an image layer as an ImageJ TIFF stack with spacing in mm."""
    return [str(write(path, _volume(data, meta)))]


def write_measurement_layer(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write a sinogram layer with its geometry as a measurement file."""
    layer = _layer(data, meta)
    measurement = measurement_from_layer(layer)
    if measurement is None:
        raise InputError(
            f"'{layer.name}' has no acquisition geometry; save it as .nii.gz or .tif instead."
        )
    return [str(write(path, measurement))]


def _volume(data: Any, meta: Mapping[str, Any]) -> Volume:
    layer = _layer(data, meta)
    if layer.metadata.get("napari_padis", {}).get("kind") == "measurement":
        raise InputError(f"'{layer.name}' is a sinogram; save it as .h5 to keep its geometry.")
    return volume_from_layer(layer)


def _layer(data: Any, meta: Mapping[str, Any]) -> SimpleNamespace:
    """The arguments of a napari writer as something that looks like a layer."""
    multiscale = bool(meta.get("multiscale", False))
    ndim = np.ndim(data[0] if multiscale else data)
    return SimpleNamespace(
        data=data,
        name=meta.get("name", "layer"),
        data_to_world=_data_to_world(meta, ndim),
        axis_labels=meta.get("axis_labels"),
        units=meta.get("units"),
        metadata=dict(meta.get("metadata") or {}),
        multiscale=multiscale,
        rgb=meta.get("rgb", False),
    )


def _data_to_world(meta: Mapping[str, Any], ndim: int) -> Callable[[Any], Any]:
    """Where a voxel lies, as napari places it."""
    from napari.utils.transforms import Affine

    names = ("scale", "translate", "rotate", "shear")
    given = {name: meta[name] for name in names if meta.get(name) is not None}
    placed = Affine(**given, ndim=ndim)
    if meta.get("affine") is None:
        return placed
    return Affine(affine_matrix=np.asarray(meta["affine"]), ndim=ndim).compose(placed)


def sample_shepp_logan() -> list[LayerData]:
    """Three-dimensional Shepp-Logan head phantom."""
    from napari_padis.scan.samples import shepp_logan_3d

    return _sample(shepp_logan_3d())


def sample_torso() -> list[LayerData]:
    """Procedural torso in HU."""
    from napari_padis.scan.samples import torso

    return _sample(torso())


def sample_ct_small() -> list[LayerData]:
    """Real CT slice carried by pydicom."""
    from napari_padis.scan.samples import ct_small

    return _sample(ct_small())


def sample_shepp_logan_sinogram() -> list[LayerData]:
    """Sinogram of the Shepp-Logan phantom from 20 views."""
    from napari_padis.scan.samples import shepp_logan_3d

    return [_sinogram(shepp_logan_3d())]


def sample_torso_sinogram() -> list[LayerData]:
    """Sinogram of the procedural torso from 20 views."""
    from napari_padis.scan.samples import torso

    return [_sinogram(torso())]


def sample_ct_small_sinogram() -> list[LayerData]:
    """Sinogram of pydicom's CT slice from 20 views."""
    from napari_padis.scan.samples import ct_small

    return [_sinogram(ct_small())]


def _sample(volume: Volume) -> list[LayerData]:
    _keep_upright()
    return [volume_layer(volume)]


def _sinogram(volume: Volume) -> LayerData:
    """Noiseless sinogram of a volume."""
    from napari_padis.likelihood import simulate
    from napari_padis.scan.measurement import Noise

    geometry = ParallelGeometry.standard(
        views=SAMPLE_VIEWS,
        image_shape=volume.shape[1:],
        pixel=volume.spacing[1:],
        slice_spacing=volume.spacing[0],
    )
    measurement = simulate(volume, geometry, noise=Noise("none"))
    return measurement_layer(measurement, name=f"{volume.name} sinogram")
