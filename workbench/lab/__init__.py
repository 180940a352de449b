"""What JupyterLab and Jupyter Server find: the prebuilt extension, the server handlers, the kernel's App."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.widgets import App

__all__ = ["kernel_app", "open_job"]


def kernel_app(folder: str = "") -> App:
    """Return this kernel's App, made on first use; a reloaded page thus meets the App that it left.

    Parameters
    ----------
    folder : str
        Where the App is at home, below the folder that the kernel was started in: paths that are typed and the runs
        start from there. A folder that is not there is passed over: the kernel may be on another machine.
    """
    from workbench.widgets import App

    if not _apps:
        if folder and Path(folder).is_dir():
            os.chdir(folder)
        _apps.append(App())
    return _apps[0]


def open_job(job: str, folder: str = "") -> None:
    """Show the result of a job in this kernel's App.

    Parameters
    ----------
    job : str
        Its id.
    folder : str
        Where an App that is made for this is at home; see `kernel_app`.

    Raises
    ------
    InputError, StateError
        As `JobsPanel.open_result`.
    """
    jobs = kernel_app(folder).jobs
    jobs.refresh()
    jobs.open_result(job)


_apps: list[App] = []


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "medical-workbench"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "workbench.lab"}]


def _go_on_with_jobs(log: Any) -> None:
    """Start again what was waiting for its turn when the machine went off."""
    from workbench.errors import WorkbenchError
    from workbench.jobs.executors.local import revive

    try:
        for folder in revive():
            log.info("Medical Workbench: job %s goes on", folder.name)
    except WorkbenchError as error:
        log.warning("Medical Workbench: jobs that were waiting are not started again. %s", error)


def _load_jupyter_server_extension(server_app: Any) -> None:
    from workbench.lab.copies import keep_no_copies_of_images
    from workbench.lab.handlers import add_handlers

    add_handlers(server_app.web_app)
    keep_no_copies_of_images(server_app.contents_manager)
    _go_on_with_jobs(server_app.log)
    server_app.log.info("Medical Workbench: volume files open in the viewer")
