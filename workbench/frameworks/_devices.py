"""The devices of this computer, and the way from what a user typed to one of them."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

import psutil

from workbench.errors import StateError
from workbench.frameworks.base import Device, Framework


def cpu(framework: str) -> Device:
    """Return the processor as a device of `framework`, with its name, memory and the cores this process may use."""
    memory = psutil.virtual_memory()
    return Device("cpu", framework, _cpu_name(), memory.total, memory.available, usable_cores())


def usable_cores() -> int:
    """Return how many cores this process may run on, which containers and schedulers may limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_device(framework: Framework, device: str | Device) -> str:
    """Return the id of a device of `framework`; ``"cuda"`` and ``"ascend"`` mean their first one.

    Raises
    ------
    StateError
        If there is no such device; the message lists those there are.
    """
    wanted = device.id if isinstance(device, Device) else str(device).strip().lower()
    if wanted == "cpu":
        return wanted
    present = framework.devices()
    for found in present:
        if wanted in (found.id, found.id.removesuffix(":0")):
            return found.id
    listing = "; ".join(f"{found.id!r} ({found.name})" for found in present)
    raise StateError(f"{framework.name} has no device {wanted!r} on this computer. Choose one of: {listing}.")


@functools.cache
def _cpu_name() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "CPU"
