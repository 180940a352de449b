"""Tools that fail in the ways that mapping has to bear; a module, so that other processes find them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from workbench.errors import InputError
from workbench.tools import Image, tool
from workbench.work import IDLE, Work


@tool(group="tests", reference="nowhere")
def fail_on_dark(image: Image, *, least: float = 0.0, die: bool = False) -> Image:
    """Add one; fail, or end the whole process, where the image is dark."""
    if image.data.max() < least:
        if die:
            os._exit(3)
        raise InputError(f"The image of {image.source} is dark.")
    return image.with_data(image.data + 1)


@tool(group="tests", reference="nowhere")
def wait_for_stop(image: Image, *, sign: str = "", work: Work = IDLE) -> Image:
    """Wait until somebody cancels."""
    if sign:
        Path(sign).touch()
    for step in range(600):
        work.tell(step / 600)
        time.sleep(0.05)
    return image


@tool(group="tests", reference="nowhere")
def tell_process(image: Image) -> Image:
    """Fill the image with the number of the process, and of its threads."""
    threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    return image.with_data(np.where(image.data > 0, os.getpid(), threads).astype(np.int32))
