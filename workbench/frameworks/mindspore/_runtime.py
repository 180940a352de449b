"""Bringing MindSpore up quietly and in a known mode, or saying why it cannot be."""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import Any

from workbench.errors import MissingExtraError, StateError


@functools.cache
def load() -> Any:
    """Import MindSpore once, in PyNative mode, and return it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    StateError
        If it is installed and does not start.
    """
    if importlib.util.find_spec("mindspore") is None:
        raise MissingExtraError("The MindSpore framework", "mindspore")
    import numpy as np

    if int(np.__version__.split(".")[0]) >= 2:
        raise StateError(
            f"MindSpore is built against NumPy 1 and fails with the NumPy {np.__version__} that is installed. "
            "Install a NumPy below 2: `pip install 'numpy<2'`."
        )
    # its C++ side logs warnings about caches and kernels that no user can act on; errors still come as exceptions
    os.environ.setdefault("GLOG_v", "3")
    try:
        import mindspore
    except Exception as error:
        raise StateError(
            f"MindSpore is installed but does not start: {error}. Reinstall it with "
            "`pip install --force-reinstall 'medical-workbench[mindspore]'`."
        ) from error
    mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
    if mindspore.get_context("device_target") == "CPU":
        # Asynchronous launches help an accelerator; on a CPU of few cores the waiting threads spin and take the cores
        # from the kernels: a 3D convolution was 40 times slower, at the pace of the scheduler's time slices.
        mindspore.runtime.launch_blocking()
    return mindspore
