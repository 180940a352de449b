"""Frameworks and devices as choices of a panel: what each is called, and why one cannot be had."""

from __future__ import annotations

from workbench import frameworks
from workbench._words import size
from workbench.errors import MissingExtraError, StateError
from workbench.widgets.messages import Offer


class DeviceOffer(Offer):
    """A device of a framework."""

    name: str
    framework: str


def untried(name: str) -> Offer:
    """Return a framework as a choice before it is known whether it can be used: to find out takes seconds."""
    return {"value": name, "label": frameworks.title(name)}


def framework(name: str) -> Offer:
    """Return a framework as a choice, with the reason if it cannot be used."""
    known = untried(name)
    try:
        frameworks.get(name)
    except MissingExtraError as error:
        return {**known, "enabled": False, "reason": f"not installed (extra {error.extra!r})"}
    except (StateError, ImportError) as error:
        return {**known, "enabled": False, "reason": str(error)}
    return {**known, "enabled": True, "reason": ""}


def cpu(name: str) -> DeviceOffer:
    """Return the one device that every framework has, before the others are looked for."""
    return {"value": "cpu", "label": "cpu", "name": "cpu", "framework": name}


def choice(device: frameworks.Device) -> DeviceOffer:
    """Return a device as a choice, with its cores or its name, and its free memory in the tooltip."""
    label = f"{device.id}, {device.cores} cores" if device.cores else f"{device.id}: {device.name}"
    parts = [f"{device.id}: {device.name}" if device.name else device.id]
    if device.cores:
        parts.append(f"{device.cores} cores")
    if device.free_memory:
        parts.append(f"{size(device.free_memory)} free")
    return {"value": device.id, "label": label, "name": ", ".join(parts), "framework": device.framework}
