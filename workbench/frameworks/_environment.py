"""What a process that computes is started with, known without importing the framework that it will compute with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

#: Turns for which a waiting thread spins before it sleeps (GNU OpenMP, which torch uses on Linux; its own default is
#: 300,000). Spinning takes the cores from the threads waited for, wherever others use the machine as well.
BRIEF_SPINNING = {"GOMP_SPINCOUNT": "10000"}

#: Large tensors on pages of 2 MB instead of 4 kB, which torch asks Linux for if it is told to (where Linux gives them
#: on request alone, as most distributions have it). A map of 3D takes tens of MB; most of them live for one layer, and
#: taking them page by page costs up to a quarter of a forward pass.
LARGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def openmp(inherited: Mapping[str, str], threads: int) -> dict[str, str]:
    """Return how the threads of OpenMP are counted and wait; who said how they wait is heard."""
    # Read by OpenMP when it is loaded; setting it later would be too late for MindSpore.
    found = {"OMP_NUM_THREADS": str(threads)}
    if "OMP_WAIT_POLICY" not in inherited:
        found |= {name: inherited.get(name, value) for name, value in BRIEF_SPINNING.items()}
    return found


def torch(inherited: Mapping[str, str], *, threads: int, deterministic: bool) -> dict[str, str]:
    """Return what torch needs."""
    found = openmp(inherited, threads) | {name: inherited.get(name, value) for name, value in LARGE_PAGES.items()}
    if deterministic:
        # without a workspace of its own, cuBLAS has no deterministic form
        found["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    return found


def mindspore(inherited: Mapping[str, str], *, threads: int, deterministic: bool) -> dict[str, str]:  # noqa: ARG001
    """Return what MindSpore needs."""
    return openmp(inherited, threads)


#: Of the built-in frameworks, whose classes answer the same; importing those takes seconds.
BUILT_IN: Mapping[str, Callable[..., dict[str, str]]] = {"torch": torch, "mindspore": mindspore}
