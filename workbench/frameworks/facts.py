"""What a framework says of itself and of a network: devices, known problems, layers."""

from __future__ import annotations

from dataclasses import dataclass

from workbench._words import size


@dataclass(frozen=True)
class Device:
    """A place where a network can run; memory is in bytes, None where it cannot be known."""

    id: str
    framework: str
    name: str
    memory: int | None = None
    free_memory: int | None = None
    cores: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.framework} {self.id}: {self.name}"]
        if self.cores:
            parts.append(f"{self.cores} cores")
        if self.memory:
            parts.append(size(self.memory))
        if self.free_memory:
            parts.append(f"{size(self.free_memory)} free")
        return ", ".join(parts)


@dataclass(frozen=True)
class KnownProblem:
    """Something that is known to go wrong: what it is `about`, what was `found`, and the `remedy`, a command."""

    about: str
    found: str
    remedy: str


@dataclass(frozen=True)
class LayerInfo:
    """A module inside a network whose output can be looked at.

    `name` is the dotted name (``"down.0.conv"``), `path` its parts, `type` the class name, `leaf` whether it holds no
    other module.
    """

    name: str
    type: str
    path: tuple[str, ...]
    leaf: bool
