"""Reading checkpoints without running them: what is read, and hostile files."""

from __future__ import annotations

import collections
import functools
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.pickle_values import NumpyArray, StoredObject, StoredTensor
from napari_padis.prior.pickles import read_checkpoint


def plain(value):
    """What was read as torch would have it."""
    if isinstance(value, StoredTensor):
        return value.load()
    if isinstance(value, NumpyArray):
        return value.values
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(inner) for inner in value)
    return value


def read(path):
    with read_checkpoint(path) as content:
        return plain(content)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


CONTENT = {
    "float": torch.arange(12.0).reshape(3, 4),
    "transposed": torch.arange(6.0).reshape(2, 3).t(),
    "part": torch.arange(20.0)[5:9],
    "channels last": torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
    "number": torch.tensor(3),
    "empty": torch.zeros(0, 3),
    "half": torch.ones(2, dtype=torch.float16),
    "bfloat16": torch.full((3,), 0.1, dtype=torch.bfloat16),
    "bool": torch.tensor([True, False]),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "inner": [1, -2.5, None, True, "text", (1, 2), {"a": 2**40}],
    "ordered": collections.OrderedDict(b=1, a=2),
    "set": {"x", "y"},
    7: "seven",
}
WITH_NUMPY = CONTENT | {
    "scalar": np.sqrt(0.5),
    "array": np.arange(6, dtype=np.int16).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


@pytest.mark.parametrize("older", [False, True])
def test_reads_what_torch_reads(older, tmp_path):
    torch.save(CONTENT, tmp_path / "a.pt", _use_new_zipfile_serialization=not older)
    expected = torch.load(tmp_path / "a.pt", weights_only=True)
    assert same(plain(expected), read(tmp_path / "a.pt"))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_reads_what_python_pickles(protocol, tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(WITH_NUMPY, protocol))
    expected = WITH_NUMPY | {"scalar": float(WITH_NUMPY["scalar"])}
    assert same(plain(expected), read(path))


def test_modules_of_torch_become_inert(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(torch.nn.ModuleDict({"a": torch.nn.SiLU()})))
    with read_checkpoint(path) as content:
        assert isinstance(content, StoredObject)
        assert content.kind == "ModuleDict"
        assert content.state["_modules"]["a"].kind == "SiLU"


# -- Hostile files


def call(name, *arguments, tail=b""):
    """A pickle that calls ``module.name`` with strings."""
    module, _, function = name.rpartition(".")
    text = b"".join(b"X" + struct.pack("<I", len(a)) + a.encode() for a in arguments)
    return b"\x80\x02c" + f"{module}\n{function}\n".encode() + b"(" + text + b"tR" + tail + b"."


def stack_global(module, name, rest):
    def short(text):
        return b"\x8c" + bytes([len(text)]) + text.encode()

    return b"\x80\x04" + short(module) + short(name) + b"\x93" + rest + b"."


class Call:
    """Pickled by Python as a call."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments, state) if state is not None else (function, arguments)

    def __reduce__(self):
        return self.parts


def nested(data):
    """Bytes where a pickle has those of a tensor's values."""
    text = b"B" + struct.pack("<I", len(data)) + data
    return b"\x80\x04ctorch.storage\n_load_from_bytes\n" + text + b"\x85R."


def storage_file(count, data, kind="FloatStorage"):
    """The bytes of a list of numbers, whose count may be a lie."""
    identity = b"(U\x07storagectorch\n" + kind.encode() + b"\nU\x010U\x03cpu"
    identity += b"\x8a\x08" + struct.pack("<q", count) + b"tQ."
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    head = b"".join(pickle.dumps(part, 2) for part in parts)
    keys = pickle.dumps(["0"], 2)
    return head + b"\x80\x02" + identity + keys + struct.pack("<q", count) + data


def tensor(data, size):
    """A pickle of a tensor of that many values."""
    whole = b"\x8a\x08" + struct.pack("<q", size)
    inner = nested(data)[2:-1]
    return (
        b"\x80\x04ctorch._utils\n_rebuild_tensor_v2\n("
        + inner + b"K\x00" + whole + b"\x85K\x01\x85\x89}tR."
    )  # fmt: skip


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return out.getvalue()


def many_views():
    """A thousand tensors that share a megabyte: a gigabyte once they are copied out."""
    values = nested(storage_file(250_000, bytes(10**6)))[2:-1] + b"q\x000"
    view = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x00K\x00J\x90\xd0\x03\x00\x85K\x01\x85\x89}tR"
    return b"\x80\x04" + values + b"(" + view * 1000 + b"l."


def stored(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", data)
    return out.getvalue()


@functools.cache
def hostile(canary):
    """Files by what is wrong with them; those that run anything write the canary."""
    run = f"open({canary!r}, 'w')"
    shell = f"touch {canary}"
    meta = {"type": "class", "version": 6, "module_src": run, "class_name": "A", "state": "odd"}
    tuples = b"".join(b"\x86q" + bytes([i]) + b"h" + bytes([i]) for i in range(60))
    lists = b"]" + b"".join(
        b"q" + bytes([i]) + b"](" + (b"h" + bytes([i])) * 2 + b"e" for i in range(90)
    )
    return {
        "os.system": pickle.dumps(Call(os.system, shell)),
        "posix.system, protocol 0": pickle.dumps(Call(os.system, shell), 0),
        "eval": pickle.dumps(Call(eval, run)),
        "exec through __builtin__": call("__builtin__.exec", run),
        "getattr chain": b"\x80\x04c__builtin__\ngetattr\n(cos\nenviron\nX\x05\0\0\0cleartR)R.",
        "torch.load": call("torch.load", canary),
        "torch.hub": call("torch.hub.load", "a/b", "c"),
        "torch.jit": call("torch.jit.load", canary),
        "functools.partial": pickle.dumps(Call(functools.partial, os.system, shell)),
        "copyreg": b"\x80\x02ccopyreg\n_reconstructor\n(ctypes\nFunctionType\nc__builtin__\n"
        b"object\nNtR.",
        "subprocess": call("subprocess.check_output", shell),
        "numpy objects": pickle.dumps(np.array([Call(os.system, shell)], dtype=object)),
        "numpy type 'O8'": call("numpy.dtype", "O8"),
        "numpy.load": call("numpy.load", canary),
        "state of a class": b"\x80\x02ctorch.nn.modules.activation\nSiLU\n}U\x08__init__U\x01xsb.",
        "odd state": b"\x80\x02ctorch.nn.modules.activation\nSiLU\n)\x81(U\x01aU\x01btb.",
        "state of a function": b"\x80\x02c_codecs\nencode\n}U\x08__code__U\x01xsb.",
        "setstate by another name": call("torch.nn.modules.container.ModuleDict.__setstate__", "x"),
        "persistent object without a state": pickle.dumps(
            {"ema": Call(collections.OrderedDict, [("a", Call(eval, run))]), "m": meta}
        ),
        "dotted name": stack_global(
            "torch._utils", "_rebuild_tensor_v2.__globals__", b"\x8c\x02os\x86R"
        ),
        "dotted module": stack_global("torch", "serialization.os.system", b"\x8c\x01x\x85R"),
        "name that is no text": b"\x80\x04K\x01K\x02\x93.",
        "INST": b"(S'" + shell.encode() + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'" + shell.encode() + b"'\no.",
        "extension registry": b"\x80\x02\x82\x01)R.",
        "persistent id": b"\x80\x02U\x01aQ.",
        "persistent id in text": b"Pa\n.",
        "pickle within the values": nested(pickle.dumps(Call(os.system, shell))),
        "file within a file within a file": nested(nested(storage_file(1, b"0000"))),
        "values that claim terabytes": tensor(storage_file(2**42, b""), 2**42),
        "negative count of values": tensor(storage_file(-4, b"0000"), 1),
        "tensor larger than its values": tensor(storage_file(1, b"0000"), 2**40),
        "many tensors of the same values": many_views(),
        "bytes that claim terabytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**42) + b"x.",
        "text that claims gigabytes": b"\x80\x04X" + struct.pack("<I", 2**32 - 1) + b"x.",
        "frame that claims terabytes": b"\x80\x04\x95" + struct.pack("<Q", 2**42) + b"N.",
        "memo with a huge index": b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b".",
        "nested tuples as a key": b"\x80\x02}K\x01K\x02" + tuples + b"\x86K\x00s.",
        "lists that double": b"\x80\x02" + lists + b".",
        "lists in lists": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
        "a million instructions": b"\x80\x02" + b"N0" * 10**6 + b"N.",
        "keys that collide": b"\x80\x02}("
        + b"".join(
            b"\x8a\x0c" + ((2**61 - 1) * (2**20 + i)).to_bytes(12, "little") + b"N"
            for i in range(20_000)
        )
        + b"u.",
        "number of a million digits": b"\x80\x02\x8b"
        + struct.pack("<i", 10**6)
        + b"\x01" * 10**6
        + b".",
        "decimals without end": b"I" + b"9" * 10**6 + b"\n.",
        "nothing": b"",
        "half of a pickle": pickle.dumps(CONTENT)[:300],
        "no stop": b"\x80\x04N",
        "stack underflow": b"\x80\x02R.",
        "mark underflow": b"\x80\x02t.",
        "unknown memo": b"\x80\x02h\x05.",
        "text": b"<!doctype html>\n<html>Sign in</html>",
        "archive of something else": zipped(a_dot_txt=b"text"),
        "packed archive": zipped(a__data_dot_pkl=b"\x80\x02" + b"N0" * 10**6 + b"N."),
        "archive with a hostile pickle": stored(pickle.dumps(Call(os.system, shell))),
        "archive whose values are missing": stored(
            b"\x80\x02(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ."
        ),
        "damaged archive": b"PK\x03\x04" + b"\x00" * 50,
        "safetensors": struct.pack("<Q", 2) + b"{}",
        "only numbers": pickle.dumps([1, 2, 3]),
        "holds itself": b"\x80\x02}q\x00U\x03emah\x00s.",
    }


#: What the refusal must say, so that each file fails for the reason it was made for.
SAID = dict.fromkeys(hostile("x"), "it is damaged or no pickle") | {
    "os.system": "names 'posix.system'",
    "posix.system, protocol 0": "names 'posix.system'",
    "eval": "names 'builtins.eval'",
    "exec through __builtin__": "names '__builtin__.exec'",
    "getattr chain": "names '__builtin__.getattr'",
    "torch.load": "names 'torch.load'",
    "torch.hub": "names 'torch.hub.load'",
    "torch.jit": "names 'torch.jit.load'",
    "functools.partial": "names 'functools.partial'",
    "copyreg": "names 'copyreg._reconstructor'",
    "subprocess": "names 'subprocess.check_output'",
    "numpy objects": "numpy values of type 'O8'",
    "numpy type 'O8'": "numpy values of type 'O8'",
    "numpy.load": "names 'numpy.load'",
    "state of a class": "a state that does not belong to it",
    "odd state": "a state that does not belong to it",
    "state of a function": "a state that does not belong to it",
    "setstate by another name": "__setstate__'",
    "persistent object without a state": "names 'builtins.eval'",
    "dotted name": "_rebuild_tensor_v2.__globals__'",
    "dotted module": "names 'torch.serialization.os.system'",
    "name that is no text": "names '2'",
    "INST": "the instruction INST",
    "OBJ": "names 'os.system'",
    "extension registry": "the instruction EXT1",
    "persistent id": "refers to objects outside",
    "persistent id in text": "the instruction PERSID",
    "pickle within the values": "names 'posix.system'",
    "file within a file within a file": "file within a file within a file",
    "values that claim terabytes": "its tensors and its values do not match",
    "negative count of values": "without a proper number",
    "tensor larger than its values": "larger than its values",
    "many tensors of the same values": "claim more values than the file holds",
    "frame that claims terabytes": "holds no network",
    "memo with a huge index": "holds no network",
    "nested tuples as a key": "odd keys",
    "lists that double": "holds no network",
    "lists in lists": "more than 300000 instructions",
    "a million instructions": "more than 300000 instructions",
    "keys that collide": "odd keys",
    "number of a million digits": "absurdly large number",
    "nothing": "is empty",
    "archive of something else": "without a pickle of torch.save",
    "packed archive": "its archive is compressed",
    "archive with a hostile pickle": "names 'posix.system'",
    "archive whose values are missing": "its tensors and its values do not match",
    "damaged archive": "its archive is damaged",
    "only numbers": "holds no network",
    "holds itself": "holds no network",
}


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    return tmp_path_factory.mktemp("canary") / "canary"


@pytest.mark.parametrize("kind", SAID)
def test_hostile_files_do_nothing(kind, canary, tmp_path):
    from napari_padis.prior.edm_import import import_network

    path = tmp_path / "hostile.pkl"
    path.write_bytes(hostile(str(canary))[kind])
    before = dict(os.environ)
    start = time.process_time()
    with pytest.raises(InputError, match=re.escape(SAID[kind])) as error:
        import_network(path)
    assert time.process_time() - start < 2
    assert re.fullmatch(r"'hostile\.pkl' (?!.*\. ).{1,250}\.", str(error.value))
    assert not canary.exists()
    assert dict(os.environ) == before


def test_the_hostile_files_are_hostile(canary):
    """Python's own unpickler runs them: the canary is a canary."""
    files = hostile(str(canary))
    for kind in ("os.system", "posix.system, protocol 0", "eval", "INST", "OBJ"):
        pickle.loads(files[kind])
        assert canary.exists(), kind
        canary.unlink()


RUN = """
import resource, sys, time
from typer.testing import CliRunner
from napari_padis.cli.main import app
import napari_padis.prior.edm_import

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak()
for path in sys.argv[1:]:
    start = time.process_time()
    result = CliRunner().invoke(app, ["priors", "import", path])
    print(result.exit_code, round(time.process_time() - start, 2), result.output.strip(), sep="|")
print(peak() - before)
"""


def test_the_command_refuses_them_all(canary, tmp_path):
    """Each in one line and with status 2; in all less than 500 MB."""
    for i, data in enumerate(hostile(str(canary)).values()):
        (tmp_path / f"{i}.pkl").write_bytes(data)
    files = [str(tmp_path / f"{i}.pkl") for i in range(len(SAID))]
    environment = os.environ | {"NAPARI_PADIS_PRIORS": str(tmp_path / "priors")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *files], capture_output=True, text=True, env=environment
    )
    *lines, peak = done.stdout.strip().splitlines()
    assert len(lines) == len(SAID), done.stdout + done.stderr
    for kind, line in zip(SAID, lines, strict=True):
        status, seconds, text = line.split("|", 2)
        assert status == "2", (kind, line)
        assert float(seconds) < 2, (kind, line)
        assert SAID[kind] in text, (kind, line)
    assert int(peak) < 500
    assert not canary.exists()
    assert not (tmp_path / "priors").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told(make, tmp_path):
    make(tmp_path / "a.pkl")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "a.pkl")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "a.pkl")
