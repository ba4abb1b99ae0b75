"""Tables of results that survive kills and refuse what is not theirs."""

import json
import os
import signal
import subprocess
import sys

import pytest

from napari_padis.errors import InputError
from napari_padis.evaluation.ledger import Ledger

KEYS = {"method": str, "sigma": float, "slice": int}
VALUES = {"psnr": float}


@pytest.fixture(params=["table.csv", "table.json"])
def path(request, tmp_path):
    return tmp_path / request.param


def row(method="tv", sigma=0.1, slice=3, psnr=30.5):
    return {"method": method, "sigma": sigma, "slice": slice, "psnr": psnr}


def test_rows_come_back_with_their_types(path):
    table = Ledger(path, KEYS, VALUES)
    table.add(row())
    table.add(row('a, "b"', 0.02, 7, 41.25))
    again = Ledger(path, KEYS, VALUES)
    assert again.rows == [row(), row('a, "b"', 0.02, 7, 41.25)]
    assert again.has({"method": "tv", "sigma": 0.1, "slice": 3})
    assert not again.has({"method": "tv", "sigma": 0.2, "slice": 3})
    assert again.row({"method": "tv", "sigma": 0.1, "slice": 3})["psnr"] == 30.5


def test_a_row_with_the_same_keys_is_replaced(path):
    table = Ledger(path, KEYS, VALUES)
    for psnr in (1.0, 2.0):
        table.add(row(psnr=psnr))
    assert Ledger(path, KEYS, VALUES).rows == [row(psnr=2.0)]


def test_another_table_is_refused_in_one_sentence(path):
    Ledger(path, {"name": str}, {"x": float}).add({"name": "n", "x": 1})
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"columns are name, x, not method.*choose another file"):
        Ledger(path, KEYS, VALUES)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", ""),
        ("t.csv", "method,sigma,slice,psnr\ntv,much,3,1\n"),
        ("t.csv", "method,sigma,slice,psnr\ntv,0.1\n"),
        ("t.csv", "\x00\xff"),
        ("t.json", "{"),
        ("t.json", "{}"),
        ("t.json", "[1]"),
        ("t.json", '[{"method": "tv", "sigma": null, "slice": 3, "psnr": 1}]'),
        ("t.txt", ""),
    ],
)
def test_damaged_tables_are_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as error:
        Ledger(tmp_path / name, KEYS, VALUES)
    assert name in str(error.value)


def test_a_kill_leaves_a_complete_table(tmp_path):
    path = tmp_path / "t.csv"
    program = (
        "import sys\n"
        "from napari_padis.evaluation.ledger import Ledger\n"
        f"table = Ledger({str(path)!r}, dict(i=int), dict(x=float))\n"
        "for i in range(100000):\n"
        "    table.add(dict(i=i, x=i / 7))\n"
        "    print(i, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    last = [process.stdout.readline() for _ in range(50)][-1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    rows = Ledger(path, {"i": int}, {"x": float}).rows
    assert len(rows) > int(last)
    assert [r["i"] for r in rows] == list(range(len(rows)))
    assert all(r["x"] == pytest.approx(r["i"] / 7, rel=1e-5) for r in rows)


def test_a_failed_write_keeps_the_table(tmp_path, monkeypatch):
    table = Ledger(tmp_path / "t.json", KEYS, VALUES)
    table.add(row())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        table.add(row(slice=4))
    monkeypatch.undo()
    assert json.loads((tmp_path / "t.json").read_text()) == [row()]
