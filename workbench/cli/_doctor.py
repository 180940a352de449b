"""Looking around: what of the workbench works on this machine, and what mends the rest."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import resources
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from workbench.cli._finding import INSTALL, JUPYTERLAB, Finding, can_write
from workbench.errors import WorkbenchError

__all__ = ["Finding", "core_is_fine", "examine", "report"]

#: What every notebook of the workbench needs.
_CORE = (
    "numpy",
    "scipy",
    "pydantic",
    "nibabel",
    "pydicom",
    "monai",
    "captum",
    "safetensors",
    "matplotlib",
    "anywidget",
    "jupyterlab",
)


def examine() -> list[Finding]:
    """Look at everything; a part that cannot be examined is itself a finding."""
    findings: list[Finding] = []
    for part in (_python, _frameworks, _viewers, _files, _tools, _jobs, _plug_ins, _jupyter, _browser, _data):
        try:
            findings += part()
        except Exception as error:  # noqa: BLE001 - the doctor must go on to the next part, and says what happened
            name = part.__name__.lstrip("_")
            said = str(error) if isinstance(error, WorkbenchError) else repr(error)
            findings.append(Finding(name, name, "broken", f"could not be examined: {said}", INSTALL))
    return findings


def core_is_fine(findings: list[Finding]) -> bool:
    """Tell whether nothing that is needed is broken."""
    return all(finding.state != "broken" for finding in findings)


def report(findings: list[Finding]) -> str:
    """Return the findings as text."""
    marks = {"ok": "ok  ", "warning": "!   ", "absent": "-   ", "broken": "FAIL"}
    lines: list[str] = []
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            lines += ["", group] if lines else [group]
        lines.append(f"  {marks[finding.state]} {finding.name:<22} {finding.found}")
        if finding.remedy:
            lines.append(f"       {'':<22} -> {finding.remedy}")
    broken = [finding.name for finding in findings if finding.state == "broken"]
    lines += ["", f"Broken: {', '.join(broken)}." if broken else "Everything that is needed works."]
    return "\n".join(lines)


def _python() -> Iterator[Finding]:
    good = sys.version_info >= (3, 11)
    yield Finding(
        "Python",
        "Python",
        "ok" if good else "broken",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "" if good else "install Python 3.11 or later",
    )
    for name in _CORE:
        yield _package("Python", name, "broken", INSTALL)


def _frameworks() -> Iterator[Finding]:
    from workbench import frameworks
    from workbench.errors import MissingExtraError

    group = "Frameworks"
    for name in frameworks.names():
        needed = name == frameworks.DEFAULT
        worse = "broken" if needed else "absent"
        remedy = INSTALL if needed else _extra(name)
        try:
            framework = frameworks.get(name)
            devices = framework.devices()
        except MissingExtraError:
            yield Finding(group, name, worse, "not installed", remedy)
            continue
        except Exception as error:  # noqa: BLE001 - a clash of versions shows itself in any way, and the rest goes on
            yield Finding(group, name, "broken" if needed else "warning", f"cannot be used: {error}", remedy)
            continue
        yield Finding(group, name, "ok", _version(name) or "installed")
        for device in devices:
            parts = [device.name]
            if device.cores:
                parts.append(f"{device.cores} cores")
            if device.memory:
                free = f", {device.free_memory / 2**30:.1f} GB free" if device.free_memory else ""
                parts.append(f"{device.memory / 2**30:.1f} GB{free}")
            yield Finding(group, f"  {name} {device.id}", "ok", ", ".join(parts))
        for problem in framework.known_problems():
            yield Finding(group, f"  {problem.about}", "warning", problem.found, problem.remedy)


def _viewers() -> Iterator[Finding]:
    group = "Viewers"
    bundle = resources.files("workbench").joinpath("widgets/static/viewer.js")
    built = bundle.is_file()
    yield Finding(
        group,
        "niivue (notebook)",
        "ok" if built else "broken",
        "bundled, works without a network" if built else "the bundle is not built",
        "" if built else "cd widgets && npm install && npm run build  (an installed wheel has it)",
    )
    yield _package(group, "matplotlib", "broken", INSTALL)
    yield _package(group, "napari", "absent", _extra("napari"))
    yield _package(group, "itkwidgets", "absent", _extra("itk"))


def _files() -> Iterator[Finding]:
    group = "Files"
    for name in ("tifffile", "imagecodecs"):
        yield _package(group, name, "broken", INSTALL)
    yield _package(group, "openslide-python", "absent", _extra("slides"))
    yield _package(group, "h5py", "absent", _extra("minc"))


def _tools() -> Iterator[Finding]:
    yield _package("Tools", "SimpleITK", "absent", _extra("tools"))


def _jobs() -> Iterator[Finding]:
    from workbench.jobs.executors._limits import Limits
    from workbench.jobs.places import settings_file

    yield _package("Jobs", "distributed", "absent", _extra("dask"))
    try:
        gpus = Limits.here().gpus
    except WorkbenchError:
        return  # of settings that are wrong JupyterLab's part tells
    if gpus is None:
        words = "none is found here; where there is one, nothing limits the jobs that ask for it at a time"
        remedy = f'if there is one: {{"jobs": {{"gpus": 1}}}} in {settings_file()}'
        yield Finding("Jobs", "accelerators", "absent", words, remedy)
    else:
        yield Finding("Jobs", "accelerators", "ok", f"{gpus} for all jobs together")


def _plug_ins() -> Iterator[Finding]:
    ours = __name__.partition(".")[0]
    brought = {point for one in distributions() for point in one.entry_points if point.group.startswith(f"{ours}.")}
    for point in sorted(brought, key=lambda one: (one.group, one.name)):
        kind = point.group.partition(".")[2].replace("_", " ")
        package = "" if point.dist is None else f" of {point.dist.name} {point.dist.version}"
        try:
            point.load()
        except Exception as error:  # noqa: BLE001 - a package of somebody else may fail in any way
            words = f"{kind}{package}: cannot be loaded: {type(error).__name__}: {error}"
            yield Finding("Plug-ins", point.name, "warning", words, "mend or remove that package; all others work")
        else:
            words = "held to its contract by pytest --pyargs workbench.testing.check"
            yield Finding("Plug-ins", point.name, "ok", f"{kind}{package}; {words}")


def _jupyter() -> Iterator[Finding]:
    from workbench.cli import _doctor_lab

    yield _package(JUPYTERLAB, "jupyterlab", "broken", INSTALL)
    yield from _doctor_lab.extensions()
    yield from _doctor_lab.person()


def _browser() -> Iterator[Finding]:
    group = "Browser tests"
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    yield Finding(
        group,
        "Chromium",
        "ok" if found else "absent",
        found or "not found: the browser tests cannot run",
        "" if found else "apt-get install chromium  (or your system's package of it)",
    )
    yield _package(group, "playwright", "absent", "pip install 'medical-workbench[test]'")


def _data() -> Iterator[Finding]:
    from workbench.datasets import list as cards
    from workbench.datasets.places import cache_folder

    group = "Data"
    stated = os.environ.get("WORKBENCH_DATA")
    mend = "export WORKBENCH_DATA=/folder/of/your/data"
    if not stated:
        yield Finding(group, "WORKBENCH_DATA", "absent", "not set", mend)
    elif not Path(stated).is_dir():
        yield Finding(group, "WORKBENCH_DATA", "warning", f"{stated} is not a folder", mend)
    else:
        yield Finding(group, "WORKBENCH_DATA", "ok", stated)
    known = cards()
    here = [card.name for card in known if card.available == "here"]
    yield Finding(
        group,
        "data sets",
        "ok",
        f"{len(known)} known; on this machine: {', '.join(['phantom-xray', 'phantom-ct', *here])}",
        "" if here else "workbench download breastmnist",
    )
    cache = cache_folder()
    at = next(place for place in (cache, *cache.parents) if place.exists())
    free = shutil.disk_usage(at).free / 2**30
    writable = can_write(cache)
    yield Finding(
        group,
        "cache",
        "ok" if writable and free > 1 else "warning",
        f"{cache}, {free:.1f} GB free" if writable else f"{cache} cannot be written",
        "" if writable and free > 1 else "export WORKBENCH_CACHE=/folder/with/space",
    )


def _package(group: str, name: str, otherwise: str, remedy: str) -> Finding:
    found = _version(name)
    if found is None:
        return Finding(group, name, otherwise, "not installed", remedy)
    return Finding(group, name, "ok", found)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _extra(name: str) -> str:
    return f"pip install 'medical-workbench[{name}]'  (in a checkout: make lab EXTRAS={name})"
