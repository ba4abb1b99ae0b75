"""Memory that is freed and taken again stays with the process for a while, and no longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_padis.prior import allocation

CODE = """
import ctypes, resource
import torch
from napari_padis.prior.allocation import memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        made = [torch.ones(2 << 20) for _ in range(20)]  # 160 MB in all
        del made
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() >> 20

# Every array from the system, as in a young process; later that depends on its history.
ctypes.CDLL(None).mallopt(-3, 128 << 10)
plain = faults()
with memory_kept():
    faults()
    kept, within = faults(), resident()
print(plain, kept, within - resident())
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="the C library is not glibc")
def test_pages_are_not_asked_for_again_and_are_given_back_at_the_end():
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    plain, kept, given_back = map(int, told.stdout.split())
    assert plain > 10 * 20 * 1000  # the pages of 8 MB, ten times twenty arrays
    assert kept < plain / 100
    assert given_back > 100


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocation.sys, "platform", "darwin")
    assert allocation._glibc() is None
    with allocation.memory_kept():
        pass
