"""The ground floor and what napari loads at start stay light."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "odl", "astra", "qtpy", "PyQt6", "PySide6", "napari", "vispy")


@pytest.mark.parametrize(
    "code",
    [
        "import napari_padis.scan.read, napari_padis.scan.write, napari_padis.scan.samples",
        "import napari_padis.gui.contributions",
        "from napari_padis.gui.contributions import sample_torso, sample_ct_small;"
        "sample_ct_small()",
        "import numpy as np, tempfile, pathlib; p = pathlib.Path(tempfile.mkdtemp()) / 'a.nii.gz';"
        "from napari_padis.scan.volume import Volume; from napari_padis.scan.write import write;"
        "write(p, Volume(np.zeros((2, 3, 4), np.float32)));"
        "from napari_padis.gui.contributions import get_reader; get_reader(str(p))(str(p))",
        "import napari_padis.scan.nifti, napari_padis.scan.dicom, napari_padis.scan.nrrd_file,"
        "napari_padis.scan.metaimage, napari_padis.scan.tiff, napari_padis.scan.numpy_file,"
        "napari_padis.scan.hdf5",
    ],
)
def test_neither_torch_nor_odl_nor_qt_nor_napari(code):
    check = f"import sys; {code}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
