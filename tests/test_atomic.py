"""The one way files and folders are replaced: whole or not at all."""

from __future__ import annotations

import ast
import errno
import os
from pathlib import Path

import pytest

import workbench
from workbench import _atomic

_PACKAGE = Path(workbench.__file__).parent
#: A job has a method of that name, which gives it a name for people.
_NOT_FILES = {(f"{place}.py", "rename") for place in ("testing/jobs", "training/api", "widgets/train_panel")}


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def _replacing(path: Path) -> set[str]:
    """Return the calls of a module that wait for the disk, rename, or make temporary files."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if ast.unparse(node.func) in {"_atomic.replace", "dataclasses.replace"}:
            continue
        # str.replace takes two, and replace of dataclasses and dates keywords
        alone = isinstance(node.func, ast.Attribute) and len(node.args) == 1 and not node.keywords
        ours = name in {"fsync", "fdatasync", "mkstemp", "NamedTemporaryFile", "renames", "token_hex"}
        if ours or (name in {"replace", "rename"} and alone) or ast.unparse(node.func) in {"os.replace", "os.rename"}:
            found.add(name)
    return found


def test_no_other_module_renames_or_waits_for_the_disk():
    modules = {path.relative_to(_PACKAGE).as_posix(): path for path in _PACKAGE.rglob("*.py")}
    found = {(where, name) for where, path in modules.items() for name in _replacing(path)}
    assert {name for where, name in found if where == "_atomic.py"} == {"fsync", "replace", "token_hex"}
    assert {pair for pair in found if pair[0] != "_atomic.py"} == _NOT_FILES


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with _atomic.writing(path, durable=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [False, True])
def test_what_fails_half_way_leaves_the_old_file_alone(tmp_path, monkeypatch, durable):
    path = tmp_path / "table.csv"
    _atomic.write_text(path, "old")
    monkeypatch.setattr("os.fsync" if durable else "pathlib.Path.replace", _full)
    with pytest.raises(OSError, match="No space"):
        _atomic.write_text(path, "new", durable=durable)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_as_it_is(tmp_path):
    _atomic.write_text(tmp_path / "a.txt", "µ\r\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == "µ\r\nb\n".encode()


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("Doe^John.1970-01-01.nii.gz", ".gz"), ("slide.ome.tif", ".ome.tif"), ("Doe.ome.TIFF", "ome.TIFF"),
        ("ct.dcm", ".dcm"), ("plain", ""), ("a.patient-of-long-name", "ong-name"),
    ],
)  # fmt: skip
def test_a_temporary_name_is_hidden_short_and_keeps_only_the_ending(tmp_path, name, ending):
    temporary = _atomic.temporary_beside(tmp_path / name)
    assert temporary.parent == tmp_path
    assert temporary.name[0] == "."
    assert temporary.name[9:] == ending
    assert set(temporary.name[1:9]) <= set("0123456789abcdef")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there, and there are no named pipes")
def test_a_link_stays_a_link_and_a_device_is_written_to(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    _atomic.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    _atomic.write_text(Path(os.devnull), "gone")
    assert not Path(os.devnull).is_file()


def test_a_folder_appears_when_all_is_in_it(tmp_path):
    path = tmp_path / "Doe.John"
    path.mkdir()
    with _atomic.making_folder(path, durable=True) as temporary:
        (temporary / "1.dcm").write_text("slice")
        assert list(path.iterdir()) == []
        assert "." not in temporary.name[1:]
    assert [file.name for file in path.iterdir()] == ["1.dcm"]
    with pytest.raises(OSError), _atomic.making_folder(path) as temporary:
        (temporary / "2.dcm").write_text("another")
    assert [file.name for file in path.iterdir()] == ["1.dcm"]
    with pytest.raises(KeyError), _atomic.making_folder(tmp_path / "other"):
        raise KeyError
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_removed_never_looks_whole(tmp_path, monkeypatch):
    path = tmp_path / "epoch-0001"
    path.mkdir()
    (path / "state.json").write_text("{}")

    def cut_off(doomed):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", cut_off)
    with pytest.raises(KeyboardInterrupt):
        _atomic.remove(path)
    assert [left.name[0] for left in tmp_path.iterdir()] == ["."]
    monkeypatch.undo()
    _atomic.remove(next(tmp_path.iterdir()))
    _atomic.remove(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_on_windows_a_file_that_somebody_reads_is_waited_for(monkeypatch):
    monkeypatch.setattr(_atomic, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr("workbench._atomic.os.name", "nt")
    attempts = []

    def busy():
        attempts.append(1)
        if len(attempts) < 3:
            raise PermissionError
        return "done"

    assert _atomic.patiently(busy) == "done"
    attempts.clear()
    monkeypatch.setattr("workbench._atomic.os.name", "posix")
    with pytest.raises(PermissionError):
        _atomic.patiently(busy)
    assert len(attempts) == 1


def test_what_cannot_be_written_is_named_as_it_was_asked_for(tmp_path):
    path = tmp_path / "missing" / "table.csv"
    with pytest.raises(FileNotFoundError) as caught:
        _atomic.write_text(path, "a")
    assert caught.value.filename == str(path)
    assert "table.csv" in str(caught.value)
    with pytest.raises(FileNotFoundError) as caught, _atomic.writing(tmp_path / "a.txt"):
        (tmp_path / "other.txt").read_text()
    assert caught.value.filename == str(tmp_path / "other.txt")
