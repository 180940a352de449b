"""What JupyterLab and Jupyter Server find: the prebuilt extension, the server handlers, the kernel's App."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.widgets import App

__all__ = ["kernel_app"]


def kernel_app() -> App:
    """Return this kernel's App, made on first use; a reloaded page thus meets the App that it left."""
    from workbench.widgets import App

    if not _apps:
        _apps.append(App())
    return _apps[0]


_apps: list[App] = []


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "medical-workbench"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "workbench.lab"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    from workbench.lab.handlers import add_handlers

    add_handlers(server_app.web_app)
    server_app.log.info("Medical Workbench: volume files open in the viewer")
