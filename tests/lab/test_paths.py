from __future__ import annotations

import pytest

from workbench.errors import FileError
from workbench.lab.paths import discreet, inside


@pytest.fixture
def root(tmp_path):
    (tmp_path / "served" / "ct").mkdir(parents=True)
    (tmp_path / "served" / "ct" / "a.nii").write_bytes(b"x")
    (tmp_path / "served-not").mkdir()
    (tmp_path / "served-not" / "secret.nii").write_bytes(b"x")
    return tmp_path / "served"


def test_a_file_below_the_root_is_found(root):
    assert inside(root, "ct/a.nii") == root / "ct" / "a.nii"
    assert inside(root, "/ct/a.nii") == root / "ct" / "a.nii"
    assert inside(root, "ct/../ct/a.nii") == root / "ct" / "a.nii"


@pytest.mark.parametrize(
    "path",
    ["../served-not/secret.nii", "ct/../../served-not/secret.nii", "..", "/../served-not/secret.nii", "ct/\0a.nii"],
)
def test_a_path_out_of_the_root_is_refused(root, path):
    with pytest.raises(FileError, match="below the server's folder") as caught:
        inside(root, path)
    assert str(root) not in str(caught.value)


def test_a_link_out_of_the_root_is_refused(root):
    (root / "link.nii").symlink_to(root.parent / "served-not" / "secret.nii")
    with pytest.raises(FileError, match="below the server's folder"):
        inside(root, "link.nii")


def test_a_hidden_file_is_refused_unless_the_server_shows_them(root):
    (root / ".hidden.nii").write_bytes(b"x")
    with pytest.raises(FileError, match="Hidden"):
        inside(root, ".hidden.nii")
    assert inside(root, ".hidden.nii", allow_hidden=True).name == ".hidden.nii"


def test_a_missing_file_is_named(root):
    with pytest.raises(FileError, match=r"ct/b\.nii"):
        inside(root, "ct/b.nii")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("{root}/ct/a.nii is gone", "ct/a.nii is gone"),
        ("Choose another than {root}.", "Choose another than this folder."),
        ("in {root}-not/secret.nii", "in …/secret.nii"),
        (
            "'/mnt/scans/b.nii' (epoch 3/10), ../a/b, https://a.org/b/c, ~/x/y",
            "'…/b.nii' (epoch 3/10), ../a/b, https://a.org/b/c, ~/x/y",
        ),
        (r"C:\Users\jo\c.nii", "…/c.nii"),
    ],
)
def test_folders_of_the_machine_are_left_out_of_words(root, words, told):
    assert discreet(words.replace("{root}", str(root)), root) == told


def test_where_everything_is_shown_nothing_is_left_out():
    assert discreet("/mnt/scans/b.nii is gone", "/") == "/mnt/scans/b.nii is gone"
