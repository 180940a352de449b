"""Images are patient data: looking at one must not leave a copy of it behind.

Jupyter keeps a checkpoint of a file when a page opens it: a whole copy in ``.ipynb_checkpoints``. The viewer asks for
none, but JupyterLab's own image viewer and text editor do, and so does every other page of this server.
"""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

#: Headers in text that somebody may edit, with the voxels in a file of their own: a checkpoint of them is of use.
_TEXT_HEADERS = (".mhd", ".nhdr")


def keep_no_copies_of_images(contents_manager: Any) -> None:
    """Let `contents_manager` refuse checkpoints of image files; those of notebooks and texts are kept as ever.

    The answer is 403, by which pages know that a folder takes no checkpoints; they go on without a word.
    """
    checkpoints = contents_manager.checkpoints
    create = checkpoints.create_checkpoint

    def create_checkpoint(manager: Any, path: str) -> Any:
        if is_image(path):
            raise HTTPError(403, "No checkpoints are kept of image files: each is a whole copy.")
        return create(manager, path)

    checkpoints.create_checkpoint = create_checkpoint


def is_image(path: str) -> bool:
    """Tell by its name whether a file holds voxels."""
    from workbench.io import formats

    name = path.lower()
    return not name.endswith(_TEXT_HEADERS) and any(name.endswith(known.suffixes) for known in formats())
