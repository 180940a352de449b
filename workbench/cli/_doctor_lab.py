"""Looking around, as far as JupyterLab is concerned: what it serves, who runs it, and where that person may write."""

from __future__ import annotations

import json
import os
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.cli import _lab
from workbench.cli._finding import INSTALL, JUPYTERLAB, Finding, can_write
from workbench.errors import WorkbenchError

_NAME = "medical-workbench"
_SERVER_EXTENSION = "workbench.lab"
_PORT = 8888
_NOTIFICATIONS = "@jupyterlab/apputils-extension:notification"
_NOTIFY = "Settings > Notifications in JupyterLab  (in a checkout: make lab)"


def extensions() -> Iterator[Finding]:
    """Look at the two halves of the extension."""
    from jupyter_core.paths import jupyter_config_path, jupyter_path

    places = [Path(place) / _NAME for place in jupyter_path("labextensions")]
    found = next((place for place in places if (place / "package.json").is_file()), None)
    if found is None:
        words = "not installed: no launcher card, no volume documents"
        yield Finding(JUPYTERLAB, "extension", "warning", words, INSTALL)
    elif _NAME in _disabled(jupyter_config_path(), found.parent):
        yield Finding(JUPYTERLAB, "extension", "warning", "disabled", f"jupyter labextension enable {_NAME}")
    elif _is_old(found):
        words = f"{found} is another version's copy: pages run what it holds"
        yield Finding(JUPYTERLAB, "extension", "warning", words, f"rm -r {found} && {INSTALL}")
    else:
        yield Finding(JUPYTERLAB, "extension", "ok", f"installed in {found.parent}")
    enabled = _server_extension(jupyter_config_path())
    yield Finding(
        JUPYTERLAB,
        "server extension",
        "ok" if enabled else "warning",
        "enabled" if enabled else "not enabled: volume files do not open in the viewer",
        "" if enabled else f"jupyter server extension enable {_SERVER_EXTENSION}",
    )


def person() -> Iterator[Finding]:
    """Look at who works here, and where that person may write."""
    if _lab.is_root():
        words = "you are root: `jupyter lab` refuses to start, and every notebook may do everything on this machine"
        yield Finding(JUPYTERLAB, "user", "warning", words, "work as an ordinary user; in a container: workbench lab")
    yield _packages()
    yield from _own_settings()
    yield _settings()
    free = _lab.port_is_free("", _PORT)
    words = f"{_PORT} is free" if free else f"{_PORT} is in use: the next one that is free is taken"
    yield Finding(JUPYTERLAB, "port", *(("ok", words) if free else ("warning", words, "make lab PORT=8890")))


def _packages() -> Finding:
    place = Path(sysconfig.get_paths()["purelib"])
    if os.access(place, os.W_OK):
        return Finding(JUPYTERLAB, "packages", "ok", f"{place} (yours to change)")
    words = f"{place} is read only for you, as on a hub: whoever owns it installs and updates"
    return Finding(JUPYTERLAB, "packages", "warning", words, "python -m venv ~/workbench  (for packages of your own)")


def _own_settings() -> Iterator[Finding]:
    """Look at the settings of the workbench, and at the folder for runs that they may name."""
    from workbench.jobs.executors._limits import Limits
    from workbench.jobs.places import read_settings, runs_folder, settings_file

    place = settings_file()
    try:
        _, unknown = read_settings()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is unknown is told below
            folder = runs_folder()
            Limits.here()
    except WorkbenchError as error:
        yield Finding(JUPYTERLAB, place.name, "warning", str(error), f"mend or remove {place}")
        return
    if unknown:
        yield Finding(JUPYTERLAB, place.name, "warning", " ".join(unknown), f"mend {place}, or update the workbench")
    else:
        yield Finding(JUPYTERLAB, place.name, "ok", str(place) if place.is_file() else f"none in {place.parent}")
    if can_write(folder):
        yield Finding(JUPYTERLAB, "runs folder", "ok", f"{folder}")
    else:
        words = f"{folder} cannot be written: no run can be started"
        yield Finding(JUPYTERLAB, "runs folder", "warning", words, "export WORKBENCH_RUNS=~/runs")


def _settings() -> Finding:
    from jupyter_core.paths import jupyter_config_dir, jupyter_path

    shared = [Path(place) / "lab" / "settings" / "overrides.json" for place in jupyter_path()]
    own = Path(os.environ.get("JUPYTERLAB_SETTINGS_DIR") or Path(jupyter_config_dir()) / "lab" / "user-settings")
    plugin = Path(*_NOTIFICATIONS.split(":")).with_suffix(".jupyterlab-settings")
    stated: dict[str, Any] = {}
    for file in reversed(shared):
        stated |= _json(file).get(_NOTIFICATIONS, {})
    try:
        stated |= _json(own / plugin)
    except ValueError:  # a person's own may have comments, which JSON has not
        words = f"{own / plugin} has comments: whether JupyterLab asks for news and updates is not known here"
        return Finding(JUPYTERLAB, "settings", "warning", words, _NOTIFY)
    if stated.get("fetchNews") == "false" and stated.get("checkForUpdates") is False:
        return Finding(JUPYTERLAB, "settings", "ok", "JupyterLab asks no host about news and updates")
    asks = [
        *(["looks for updates"] if stated.get("checkForUpdates") is not False else []),
        *(["fetches news"] if stated.get("fetchNews") == "true" else []),
        *(["asks whether it may fetch news"] if stated.get("fetchNews") not in ("true", "false") else []),
    ]
    return Finding(JUPYTERLAB, "settings", "warning", f"JupyterLab {' and '.join(asks)}", _NOTIFY)


def _is_old(installed: Path) -> bool:
    """Tell whether JupyterLab serves another build than the one that belongs to this package."""
    own = _build(Path(__file__).parents[1] / "lab" / "labextension")
    return own is not None and own != _build(installed)


def _build(place: Path) -> Any:
    return _json(place / "package.json").get("jupyterlab", {}).get("_build", {}).get("load")


def _disabled(config_path: list[str], labextensions: Path) -> dict[str, Any]:
    disabled: dict[str, Any] = {}
    files = [Path(place) / "labconfig" / "page_config.json" for place in reversed(config_path)]
    for file in [labextensions.parent / "lab" / "settings" / "page_config.json", *files]:
        stated = _json(file).get("disabledExtensions", {})
        disabled |= dict.fromkeys(stated, True) if isinstance(stated, list) else stated
    return {name: True for name, off in disabled.items() if off}


def _server_extension(config_path: list[str]) -> bool:
    enabled = False
    for place in reversed(config_path):
        folder = Path(place)
        for file in (*sorted(folder.glob("jupyter_server_config.d/*.json")), folder / "jupyter_server_config.json"):
            stated = _json(file).get("ServerApp", {}).get("jpserver_extensions", {})
            enabled = stated.get(_SERVER_EXTENSION, enabled)
    return enabled


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}
