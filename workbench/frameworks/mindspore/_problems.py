"""What is known to go wrong with versions of MindSpore; it is looked up without importing it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from workbench.frameworks.base import KnownProblem


def known(mindspore: str, numpy: str, cpu_flags: Collection[str], environment: Mapping[str, str]) -> list[KnownProblem]:
    """Return what goes wrong with these versions on a processor with these flags, in such an environment."""
    found = []
    if _numbers(numpy) >= (2,):
        found.append(
            KnownProblem(
                "mindspore and numpy",
                f"numpy {numpy}: MindSpore is built against NumPy 1, some of its operators fail with NumPy 2",
                'pip install "numpy<2"',
            )
        )
    slow = _numbers(mindspore) >= (2, 9) and any(flag.startswith("avx512") for flag in cpu_flags)
    if slow and environment.get("ONEDNN_MAX_CPU_ISA") != "AVX2":
        found.append(
            KnownProblem(
                "mindspore speed",
                f"MindSpore {mindspore} convolves up to 90 times slower than 2.8.0 on processors with AVX-512",
                "pip install mindspore==2.8.0  (or set ONEDNN_MAX_CPU_ISA=AVX2 in the process that imports mindspore)",
            )
        )
    return found


def cpu_flags() -> set[str]:
    """Return what the processor can do; nothing where the system does not say."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return set()
    line = next((line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("flags")), "")
    return set(line.partition(":")[2].split())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+")[0].split(".") if part.isdigit())
