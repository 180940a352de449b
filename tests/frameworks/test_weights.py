from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.errors import FileError, InputError
from workbench.frameworks import weights


@pytest.fixture
def path(tmp_path):
    tensors = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3, dtype=np.int64)}
    return weights.save(tmp_path / "sub" / "w.safetensors", tensors, {"algorithm": "3d-unet", "config": "{}"})


def _blob(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def test_round_trip(path):
    tensors, metadata = weights.load(path)
    assert metadata == {"algorithm": "3d-unet", "config": "{}"} == weights.peek(path)
    assert np.array_equal(tensors["a.weight"], [[0, 1, 2], [3, 4, 5]])
    assert tensors["n"].shape == ()
    assert tensors["n"] == 3


def test_arrays_that_are_not_contiguous_are_stored_right(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    weights.save(tmp_path / "w", {"x": array})
    assert np.array_equal(weights.load(tmp_path / "w")[0]["x"], array)


def test_nothing_temporary_is_left_and_a_failed_write_keeps_the_old_file(path, monkeypatch):
    assert [entry.name for entry in path.parent.iterdir()] == ["w.safetensors"]
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        weights.save(path, {"x": np.zeros(2, np.float32)})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["w.safetensors"]


def test_metadata_must_be_text(tmp_path):
    with pytest.raises(InputError, match="'epoch' is int"):
        weights.save(tmp_path / "w", {}, {"epoch": 3})


@pytest.mark.parametrize("read", [weights.load, weights.peek])
def test_a_missing_file(tmp_path, read):
    with pytest.raises(FileError, match="could not be read"):
        read(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("read", [weights.load, weights.peek])
def test_every_truncation_is_noticed(path, tmp_path, read):
    whole = path.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"cut short|damaged|should have"):
            read(cut)


_F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "blob",
    [
        b"PK\x03\x04 this is a zip archive, not weights",
        _blob(b"", length=2**63),
        _blob(b"not json"),
        _blob([1, 2]),
        _blob({"x": 5}),
        _blob({"x": {**_F32, "dtype": "F33"}}, bytes(8)),
        _blob({"x": {**_F32, "shape": [10**12]}}, bytes(8)),
        _blob({"x": {**_F32, "data_offsets": [-8, 0]}}, bytes(8)),
        _blob({"x": {**_F32, "data_offsets": [0, 8, 9]}}, bytes(8)),
        _blob({"x": {**_F32, "shape": "ab"}}, bytes(8)),
        _blob({"x": _F32}, bytes(16)),
        _blob({"x": {**_F32, "data_offsets": [4, 12]}, "y": _F32}, bytes(12)),
        _blob(b"[" * 100_000),
    ],
    ids=[
        "zip",
        "length",
        "json",
        "list",
        "entry",
        "dtype",
        "shape",
        "negative",
        "offsets",
        "text",
        "longer",
        "overlap",
        "deep",
    ],
)
def test_a_damaged_file_is_an_error_of_ours(tmp_path, blob):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(blob)
    with pytest.raises(FileError, match=r"bad\.safetensors"):
        weights.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_that_are_not_finite_are_refused_by_name(tmp_path, value, dtype):
    broken = np.arange(6, dtype=dtype)
    broken[[1, 4]] = value
    tensors = {"good": np.array([np.finfo(dtype).max, 0], dtype), "head.weight": broken, "none": np.zeros(0, dtype)}
    weights.save(tmp_path / "w", tensors)
    with pytest.raises(FileError, match=r"2 of 6 values of 'head.weight'.*earlier epoch.*allow_non_finite=True"):
        weights.load(tmp_path / "w")
    assert np.array_equal(weights.load(tmp_path / "w", allow_non_finite=True)[0]["head.weight"], broken, equal_nan=True)
    weights.save(tmp_path / "w", {"good": tensors["good"]})
    assert np.array_equal(weights.load(tmp_path / "w")[0]["good"], tensors["good"])


def test_a_name_may_be_as_long_as_the_system_lets_it(tmp_path):
    path = tmp_path / f"{'w' * 243}.safetensors"
    weights.save(path, {"a": np.ones(3, np.float32)})
    assert weights.load(path)[0]["a"].tolist() == [1, 1, 1]
    with pytest.raises(FileError, match="could not be written"):
        weights.save(tmp_path / f"{'w' * 300}.safetensors", {"a": np.ones(3, np.float32)})
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
