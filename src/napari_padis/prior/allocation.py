"""Freed memory that is kept for the next layer of a network rather than given back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Parameters of mallopt, <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Largest blocks that glibc takes from its heap; larger ones are always given back.
_BLOCKS = 32 << 20
#: Bytes that are kept while networks run, and those that glibc itself would come to keep.
KEPT, USUAL = 512 << 20, 2 * _BLOCKS


@contextmanager
def memory_kept() -> Iterator[None]:
    """Let glibc keep the memory of large arrays while this lasts, and give it back after.

    Otherwise each layer of a network on the CPU gets new pages of memory and returns them, which
    the system fills with zeros every time: 5 to 10 % of the processor's time
    (``benchmarks/allocation.py``). Nothing happens with other C libraries.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _BLOCKS)
    libc.mallopt(_TRIM_THRESHOLD, KEPT)
    try:
        yield
    finally:
        # glibc stops adapting these by itself once they have been set.
        libc.mallopt(_TRIM_THRESHOLD, USUAL)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library, if it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
