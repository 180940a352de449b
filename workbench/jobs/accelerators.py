"""How many accelerators a job may be given, told without the seconds that importing a framework takes."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

#: What hides some of a maker's cards from a process; the first that is set counts.
_VISIBLE = {
    "nvidia": ("CUDA_VISIBLE_DEVICES",),
    "amd": ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"),
    "ascend": ("ASCEND_RT_VISIBLE_DEVICES",),
}
_SMI_SECONDS = 10.0


def count_accelerators() -> int | None:
    """Return how many accelerators the frameworks would list here; None where none is found.

    None is not zero: an accelerator that leaves no mark that is known here may be there all the same.
    """
    found = {maker: _visible(maker, number) for maker, number in _cards().items()}
    # a framework is built for the cards of NVIDIA, of AMD or of Apple; those of Ascend are another one's
    most = max(found["nvidia"], found["amd"], int(_is_apple())) + found["ascend"]
    return most or None


@functools.cache
def _cards(root: Path = Path("/")) -> dict[str, int]:
    """Return how many cards of each maker the drivers tell of."""
    return {"nvidia": _nvidia(root), "amd": _amd(root), "ascend": _nodes(root, "davinci")}


def _visible(maker: str, number: int) -> int:
    """Return how many of so many cards this process is let see."""
    for name in _VISIBLE[maker]:
        listed = os.environ.get(name)
        if listed is not None:
            names = [one.strip() for one in listed.split(",")]
            # whatever comes after what names no card is not seen either
            last = next((place for place, one in enumerate(names) if one in ("", "-1")), len(names))
            return min(last, number)
    return number


def _nvidia(root: Path) -> int:
    # a container sees the nodes of its own cards, and may see all of the machine in /proc
    listed = root / "proc/driver/nvidia/gpus"
    found = _nodes(root, "nvidia") or (len([*listed.iterdir()]) if listed.is_dir() else 0)
    return found or _told_by_smi(root)


def _told_by_smi(root: Path) -> int:
    """Ask the driver's own program, which is all that Windows and its Linux have."""
    smi = shutil.which("nvidia-smi")
    if smi is None or root != Path("/"):
        return 0
    try:
        told = subprocess.run([smi, "-L"], capture_output=True, text=True, timeout=_SMI_SECONDS, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0  # a driver that does not answer has no cards to give
    return len(re.findall(r"^GPU \d+:", told, re.MULTILINE))


def _amd(root: Path) -> int:
    nodes = (root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties")
    return sum(bool(re.search(r"^simd_count [1-9]", node.read_text(), re.MULTILINE)) for node in nodes)


def _nodes(root: Path, name: str) -> int:
    return sum(bool(re.fullmatch(rf"{name}\d+", node.name)) for node in (root / "dev").glob(f"{name}[0-9]*"))


def _is_apple() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"
