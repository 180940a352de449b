"""Freed memory stays while a block runs, and goes back at its end."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import pytest

from workbench.frameworks import _keeping
from workbench.frameworks._keeping import keeping_memory

pytestmark = pytest.mark.skipif(_keeping._glibc() is None, reason="the C library here is not glibc")

SIZE = 64 << 20


def faults_of_a_piece() -> int:
    """Take, fill and free a large piece; return how many of its pages had to be made."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    piece = libc.malloc(SIZE)
    ctypes.memset(piece, 1, SIZE)
    libc.free(piece)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_piece_is_made_once_within_the_block_and_given_back_after_it():
    with keeping_memory():
        first = faults_of_a_piece()
        with keeping_memory():
            again = faults_of_a_piece()
        within = faults_of_a_piece()
        held = resident()
    assert again + within < first / 10 or first < 100  # pages may have been there from what ran before
    assert resident() < held - SIZE / 2


def test_it_ends_where_the_block_fails():
    with pytest.raises(ZeroDivisionError), keeping_memory():
        _ = 1 / 0
    assert _keeping._users == 0
