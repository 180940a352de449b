import errno
import math

import numpy as np
import pytest

from workbench.errors import FileError
from workbench.jobs.files import plain, read_json, write_json


def test_json_survives_a_failed_write(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_json(path, {"a": 1})

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_values_json_does_not_know_become_plain():
    assert plain({"a": math.nan, 1: np.float32(0.5), "c": (np.int64(3), np.array([1.0, math.inf]))}) == {
        "a": None,
        "1": 0.5,
        "c": [3, [1.0, None]],
    }


def test_missing_file_gives_the_default_and_a_damaged_one_an_error(tmp_path):
    assert read_json(tmp_path / "none.json", default=7) == 7
    (tmp_path / "bad.json").write_text('{"a": ')
    with pytest.raises(FileError, match=r"bad\.json"):
        read_json(tmp_path / "bad.json")
