"""A real JupyterLab in a real Chromium, for tests that look at what a person would see.

``lab`` is a page with an open notebook: ``lab.run_cell(code)`` runs code and returns the cell, ``lab.shot(name)`` takes
a screenshot into ``test-artifacts/`` and returns its pixels. A test fails if the page asks any host but 127.0.0.1 for
anything, or writes an error to the JavaScript console.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "test-artifacts"
BUNDLE = ROOT / "workbench" / "widgets" / "static" / "viewer.js"

#: Software rendering that needs no GPU, and nothing that calls home.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: The app as `window.jupyterapp` for the tests, and no question to any host about news, updates or extensions.
QUIET_LAB = {
    "expose_app_in_browser": True,
    "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "extension_manager": "readonly",
}
#: What JupyterLab writes when a kernel ends while it is being asked for something.
LABS_OWN = ("Canceled future for create_subshell_request",)
#: Software rendering on two cores is slow, and other tests may be running beside it.
PATIENCE_MS = 120_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _need(thing: Any, what: str) -> Any:
    if not thing:
        if os.environ.get("WORKBENCH_REQUIRE_BROWSER"):
            pytest.fail(f"{what} is missing; WORKBENCH_REQUIRE_BROWSER forbids to skip")
        pytest.skip(f"{what} is missing")
    return thing


@dataclass
class Server:
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path
    process: subprocess.Popen[bytes]

    def address(self, path: str) -> str:
        return f"{self.url}/{path}?token={self.token}"

    def kernels(self) -> list[str]:
        """Return the ids of the kernels that are running."""
        with urllib.request.urlopen(self.address("api/kernels"), timeout=30) as answer:
            return [kernel["id"] for kernel in json.load(answer)]

    def stop_kernels(self) -> None:
        """Stop all kernels, and with them what was open in them."""
        for kernel in self.kernels():
            asked = urllib.request.Request(self.address(f"api/kernels/{kernel}"), method="DELETE")
            with urllib.request.urlopen(asked, timeout=30):
                pass


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab on a free port of 127.0.0.1, with settings and notebooks of its own."""
    with running_server(tmp_path_factory.mktemp("lab")) as running:
        yield running


@contextmanager
def running_server(base: Path, prefix: str = "/", runs: str = "runs") -> Iterator[Server]:
    """Start JupyterLab with its files in `base`, at the address `prefix` as JupyterHub does; jobs are in `runs`."""
    assert BUNDLE.exists(), "The browser half is not built. Run `npm install && npm run build` in widgets/."
    folder = base / "notebooks"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    (base / "config").mkdir()
    (base / "config" / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": QUIET_LAB}))
    exposed = {"expose_app_in_browser": QUIET_LAB["expose_app_in_browser"]}
    (base / "config" / "jupyter_notebook_config.json").write_text(json.dumps({"JupyterNotebookApp": exposed}))
    notification = base / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(base / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(base / "workspaces"),
        "IPYTHONDIR": str(base / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "WORKBENCH_RUNS": str(base / runs),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        f"--ServerApp.base_url={prefix}",
    ]  # fmt: skip
    log = (base / "server.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    running = Server(f"http://127.0.0.1:{port}{prefix.rstrip('/')}", token, folder, process)
    try:
        _await_server(running, base / "server.log")
        yield running
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _await_server(server: Server, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"JupyterLab ended:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(server.address("api/status"), timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not answer in 90 s:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
    found = [
        os.environ.get("WORKBENCH_CHROMIUM"),
        *map(shutil.which, ("chromium", "chromium-browser", "google-chrome")),
    ]
    executable = _need(next((path for path in found if path), None), "Chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        try:
            yield running
        finally:
            running.close()


@dataclass
class Lab:
    """A JupyterLab page with an open notebook."""

    page: Any
    server: Server
    #: What the page must not do: see `check`.
    strangers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def wait_for_kernel(self) -> None:
        """Wait until the open notebook has a kernel that answers."""
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.evaluate(
            """async () => {
                const session = window.jupyterapp.shell.currentWidget.context.sessionContext;
                await session.ready;
                await session.session?.kernel?.info;
            }"""
        )

    def run_cell(self, code: str, wait_ms: int = PATIENCE_MS) -> Any:
        """Put `code` into the last cell, run it, wait until it has finished, and return the cell (a locator).

        An exception in the cell fails the test, with its traceback.
        """
        self.page.set_default_timeout(wait_ms)
        number = self.page.evaluate(
            """async (code) => {
                const app = window.jupyterapp;
                const notebook = app.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
                notebook.activeCell.model.sharedModel.setSource(code);
                const index = notebook.activeCellIndex;
                await app.commands.execute("notebook:run-cell-and-select-next");
                return index;
            }""",
            code,
        )
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        outputs = self.page.evaluate(
            "(n) => window.jupyterapp.shell.currentWidget.content.widgets[n].model.outputs.toJSON()", number
        )
        for output in outputs:
            if output["output_type"] == "error":
                pytest.fail("The cell raised:\n" + "\n".join(output["traceback"]))
        return cell

    def python(self, expression: str) -> Any:
        """Return the value of a Python expression in the kernel (as JSON)."""
        cell = self.run_cell(f"import json; print('=>', json.dumps({expression}))")
        told = cell.locator(".jp-OutputArea-output", has_text="=>").first
        told.wait_for()  # the page may show what was printed a moment after the cell is done
        return json.loads(told.inner_text().split("=>", 1)[1])

    def shot(self, name: str, of: Any = None) -> np.ndarray:
        """Take a screenshot of the page (or of a locator) and return its pixels, uint8 [rows, columns, 3]."""
        from PIL import Image

        ARTIFACTS.mkdir(exist_ok=True)
        png = (of or self.page).screenshot(path=ARTIFACTS / f"{name}.png")
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def saved_notebook(self) -> dict[str, Any]:
        """Save the notebook and return what was written, widget state included."""
        path = self.page.evaluate(
            """async () => {
                const app = window.jupyterapp;
                await app.commands.execute("docmanager:save");
                return app.shell.currentWidget.context.path;
            }"""
        )
        return json.loads((self.server.folder / path).read_text())

    def dark(self, on: bool = True) -> None:
        """Switch to JupyterLab's dark (or light) theme."""
        theme = "JupyterLab Dark" if on else "JupyterLab Light"
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        self.page.wait_for_timeout(1500)

    def check(self) -> None:
        """Fail if the page talked to another host or wrote errors."""
        assert not self.strangers, f"the page asked other hosts: {self.strangers}"
        assert not self.errors, "the page wrote errors to the console:\n" + "\n".join(self.errors)


@pytest.fixture
def open_lab(server: Server, browser: Any) -> Iterator[Any]:
    """Open JupyterLab at a path (``open_lab("lab")``) and return the `Lab`; checks are made at the end of the test."""
    with opening(server, browser) as open_:
        yield open_


@contextmanager
def opening(server: Server, browser: Any) -> Iterator[Any]:
    """Give a function that opens pages of `server`; close them, stop their kernels, and check them all at the end."""
    opened: list[tuple[Lab, Any]] = []

    def open_(path: str, width: int = 1280, height: int = 800) -> Lab:
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        lab = Lab(page, server)
        watch(page, lab)
        opened.append((lab, context))
        page.goto(server.address(path))
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
        page.evaluate("async () => { await window.jupyterapp.restored; }")
        return lab

    try:
        yield open_
    finally:
        for _, context in opened:
            context.close()
        # the launcher meets an App that is running again: the next test is to begin with none
        server.stop_kernels()
    for lab, _ in opened:
        lab.check()


def watch(page: Any, lab: Lab) -> None:
    """Note requests to other hosts and console errors."""

    def request(sent: Any) -> None:
        parts = urlsplit(sent.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            lab.strangers.append(sent.url)

    def console(message: Any) -> None:
        if message.type == "error" and not any(own in message.text for own in LABS_OWN):
            # "404 (Not Found)" alone does not say what was not found
            lab.errors.append(f"{message.text} [{message.location['url']}]")

    def failed(error: Any) -> None:
        if not any(own in str(error) for own in LABS_OWN):
            lab.errors.append(f"{error}\n{error.stack}")

    page.on("request", request)
    page.on("websocket", request)
    page.on("console", console)
    page.on("pageerror", failed)


@pytest.fixture
def lab(open_lab: Any, server: Server, request: pytest.FixtureRequest) -> Lab:
    """JupyterLab with a new notebook open and its kernel running."""
    name = f"{request.node.name.replace('[', '-').replace(']', '')}.ipynb"
    notebook = {
        "cells": [
            {"cell_type": "code", "id": "first", "metadata": {}, "outputs": [], "source": "", "execution_count": None}
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (server.folder / name).write_text(json.dumps(notebook))
    opened: Lab = open_lab(f"doc/tree/{name}")
    opened.wait_for_kernel()
    return opened
