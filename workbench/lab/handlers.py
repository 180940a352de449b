"""Server handlers: a volume file below the server's folder, described and sent brick by brick.

Four addresses, all only for authenticated users::

    GET medical-workbench/formats                               which files can be opened (JSON)
    GET medical-workbench/volume?path=P                         what the viewer must know (JSON)
    GET medical-workbench/brick?path=P&version=V&level=L&index=N   one brick (bytes; its header as JSON in X-Volume)
    GET medical-workbench/section?path=P&version=V&axis=A&index=N   one plane at full resolution (likewise)
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tornado.web
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join

from workbench.errors import WorkbenchError
from workbench.lab.file_types import FileTypes, file_types
from workbench.lab.paths import inside
from workbench.lab.shelf import Shelf

if TYPE_CHECKING:
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
            # where the server keeps its files is nobody's business but its own
            root = str(Path(self.settings["server_root_dir"]).expanduser().resolve())
            message = str(error).replace(root + os.sep, "").replace(root, "this folder")
            self.set_status(400)
            self.finish(json.dumps({"message": message}))
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


def add_handlers(web_app: Any) -> None:
    """Add the addresses to a running server."""
    base = url_path_join(web_app.settings["base_url"], "medical-workbench")
    handlers = {
        "formats": FormatsHandler,
        "volume": VolumeHandler,
        "brick": BrickHandler,
        "section": SectionHandler,
    }
    web_app.add_handlers(".*$", [(url_path_join(base, name), handler) for name, handler in handlers.items()])
