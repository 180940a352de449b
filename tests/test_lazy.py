"""Names of a package that are loaded on first use."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOM = """
from workbench._lazy import lazily

__getattr__, __dir__ = lazily(__name__, {"Thing": "things", "other": "others"})
"""


def test_a_name_is_loaded_when_it_is_asked_for_and_then_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lazy_room"
    folder.mkdir()
    (folder / "__init__.py").write_text(ROOM)
    (folder / "things.py").write_text("class Thing: pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    room = import_module("lazy_room")
    assert "lazy_room.things" not in sys.modules
    assert {"Thing", "other", "__doc__"} <= {*dir(room)}
    thing = room.Thing
    assert thing.__module__ == "lazy_room.things"
    assert vars(room)["Thing"] is thing
    with pytest.raises(AttributeError, match=r"module 'lazy_room' has no attribute 'Thin'. Did you mean 'Thing'\?"):
        _ = room.Thin
    with pytest.raises(ModuleNotFoundError, match="others"):
        _ = room.other
    assert not hasattr(room, "nothing_like_it")
