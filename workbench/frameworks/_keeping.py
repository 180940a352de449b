"""Freed memory stays with the process for as long as tensors of the same sizes come and go."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any

# parameters of glibc's mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER = (1 << 31) - 1
#: What glibc comes to by itself where large pieces are freed; there is no way to ask what it has come to.
_USUAL = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}
_lock = threading.Lock()
_users = 0


@contextlib.contextmanager
def keeping_memory() -> Iterator[None]:
    """Keep freed memory for the length of a ``with`` block, and give it back at its end.

    The C library returns large pieces to the system as soon as they are freed. A network asks for the same ones again
    with each batch, and each of their pages is then cleared anew, which takes up to half as long as the network. Does
    nothing where the C library is another one than glibc.
    """
    global _users
    libc = _glibc()
    if libc is None:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            for parameter in _USUAL:
                libc.mallopt(parameter, _NEVER)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                for parameter, value in _USUAL.items():
                    libc.mallopt(parameter, value)
                libc.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if all(hasattr(libc, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim")) else None
