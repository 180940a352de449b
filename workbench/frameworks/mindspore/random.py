"""Where randomness in a network comes from: one NumPy generator, seeded for the length of a ``with`` block.

MindSpore's own seeds are process-wide and its dropout kernels keep a state that cannot be put back, so a resumed run
could not equal an uninterrupted one. Initial weights and dropout masks are drawn here instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np

_CURRENT: ContextVar[np.random.Generator | None] = ContextVar("mindspore_generator", default=None)


def generator() -> np.random.Generator:
    """Return the generator in force; outside a :func:`seeded` block a fresh one."""
    return _CURRENT.get() or np.random.default_rng()


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[np.random.Generator]:
    """Put a generator made from `seed` (None: fresh entropy) in force."""
    made = np.random.default_rng(seed)
    token = _CURRENT.set(made)
    try:
        yield made
    finally:
        _CURRENT.reset(token)
