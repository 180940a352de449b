"""Server handlers: volume files and jobs below the server's folder.

All addresses are only for authenticated users, and below ``medical-workbench/``::

    GET    formats                                 which files can be opened (JSON)
    GET    volume?path=P                           what the viewer must know (JSON)
    GET    brick?path=P&version=V&level=L&index=N  one brick (bytes; its header as JSON in X-Volume)
    GET    section?path=P&version=V&axis=A&index=N one plane at full resolution (likewise)
    GET    runs                                    the jobs, or with ?folder=F those of one folder (JSON)
    DELETE runs?path=P                             delete the folder of a job; answers as GET runs does
    POST   runs/stop?path=P, runs/resume?path=P    stop a job, go on with it; answer as GET runs does
    GET    runs/curves?path=P                      how one training run went (JSON)
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join

from workbench.errors import StateError, WorkbenchError
from workbench.lab.file_types import FileTypes, file_types
from workbench.lab.paths import discreet, inside
from workbench.lab.shelf import Shelf

if TYPE_CHECKING:
    from workbench.lab.runs import Runs
    from workbench.widgets.transfer import Header

_Result = TypeVar("_Result")
_shelf = Shelf()


class _Handler(APIHandler):
    """What the addresses share: from the request to a file, and from an error to an answer."""

    def file(self) -> Any:
        """Return the file that the request names, or refuse."""
        contents = self.settings["contents_manager"]
        return inside(
            self.settings["server_root_dir"], self.get_query_argument("path"), allow_hidden=contents.allow_hidden
        )

    async def answer(self, work: Callable[[], _Result]) -> _Result | None:
        """Run `work` beside the server's loop; a wrong request or file is answered in words."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, work)
        except WorkbenchError as error:
            status, message = 409 if isinstance(error, StateError) else 400, str(error)
        except tornado.web.HTTPError:
            raise
        except Exception:
            self.log.exception("Medical Workbench: %s %s", self.request.method, self.request.path)
            status, message = 500, "The server met an error that it did not expect; its log tells which."
        self.set_status(status)
        self.finish(json.dumps({"message": discreet(message, self.settings["server_root_dir"])}))
        return None


class FormatsHandler(_Handler):
    """Tell which files can be opened."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Answer with the formats and their suffixes, see `file_types`."""
        known = await self.answer(file_types)
        if known is not None:
            self.finish(json.dumps(FileTypes(formats=known)))


class VolumeHandler(_Handler):
    """Describe a volume file."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Answer with the layer description that the viewer takes, or with the cause in ``message``."""
        description = await self.answer(lambda: _shelf.describe(self.file()))
        if description is not None:
            self.finish(json.dumps(description))


class _VoxelsHandler(_Handler):
    """Send voxels: bytes, and what they are as JSON in a header."""

    async def send(self, find: Callable[[], tuple[Header, bytes]]) -> None:
        """Answer with what `find` returns, or with the cause in ``message``."""
        answer = await self.answer(find)
        if answer is not None:
            header, voxels = answer
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Cache-Control", "private, no-store")
            self.set_header("X-Volume", json.dumps(header))
            self.finish(voxels)


class BrickHandler(_VoxelsHandler):
    """Send a brick."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Answer with one brick's bytes."""
        version, level, index = (self.get_query_argument(name) for name in ("version", "level", "index"))
        await self.send(lambda: _shelf.brick(self.file(), version, level, index))


class SectionHandler(_VoxelsHandler):
    """Send a plane at full resolution."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Answer with one plane's bytes."""
        version, axis, index = (self.get_query_argument(name) for name in ("version", "axis", "index"))
        await self.send(lambda: _shelf.section(self.file(), version, axis, index))


class _RunsHandler(_Handler):
    """What the addresses of jobs share."""

    auth_resource = "contents"
    # a page that is left open looks often; that is nobody at work, and must not keep an idle server from being stopped
    _track_activity = False

    async def tell(self, work: Callable[[Runs], object]) -> None:
        """Answer with what `work` makes of the jobs of this server, as JSON."""
        root, hidden = str(self.settings["server_root_dir"]), bool(self.settings["contents_manager"].allow_hidden)
        answer = await self.answer(lambda: work(_runs_below(root, hidden)))
        if answer is not None:
            self.finish(json.dumps(answer))

    async def act(self, action: Callable[[Runs, str], None]) -> None:
        """Do something to the job that the request names, and answer with the jobs there are then."""
        path = self.get_query_argument("path")

        def work(runs: Runs) -> object:
            action(runs, path)
            return runs.listed()

        await self.tell(work)


class RunsHandler(_RunsHandler):
    """Tell of jobs, and delete one."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the jobs there are, see `Runs.listed`."""
        folder = self.get_query_argument("folder", "")
        await self.tell(lambda runs: runs.listed(folder))

    @tornado.web.authenticated
    @authorized
    async def delete(self) -> None:
        """Delete the folder of a job."""
        await self.act(lambda runs, path: runs.delete(path))


class StopHandler(_RunsHandler):
    """Stop jobs."""

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Ask a job to stop."""
        await self.act(lambda runs, path: runs.stop(path))


class ResumeHandler(_RunsHandler):
    """Go on with jobs."""

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Go on with a job."""
        await self.act(lambda runs, path: runs.resume(path))


class CurvesHandler(_RunsHandler):
    """Tell how runs went."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the curves of a run."""
        path = self.get_query_argument("path")
        await self.tell(lambda runs: runs.curves(path))


def add_handlers(web_app: Any) -> None:
    """Add the addresses to a running server."""
    base = url_path_join(web_app.settings["base_url"], "medical-workbench")
    handlers = {
        "formats": FormatsHandler,
        "volume": VolumeHandler,
        "brick": BrickHandler,
        "section": SectionHandler,
        "runs": RunsHandler,
        "runs/stop": StopHandler,
        "runs/resume": ResumeHandler,
        "runs/curves": CurvesHandler,
    }
    web_app.add_handlers(".*$", [(url_path_join(base, name), handler) for name, handler in handlers.items()])


@functools.cache
def _runs_below(root: str, allow_hidden: bool) -> Runs:
    # what a run is made of takes a second to import: not before somebody asks
    from workbench.lab.runs import Runs

    return Runs(root, allow_hidden=allow_hidden)
