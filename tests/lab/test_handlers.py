"""The server handlers, asked over HTTP by a client that has a token and by one that has none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import numpy as np
import pytest

import workbench as wb
from tests.lab.serving import TOKEN, Server
from workbench.lab import handlers
from workbench.lab.file_types import file_types


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def volume(affine):
    data = np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4) - 7
    return wb.Volume(data, affine, unit="HU")


def test_a_volume_arrives_as_it_lies_on_the_disk(server, volume):
    wb.write(volume, server.root / "ct.nii.gz")
    status, _, body = server.get("medical-workbench/volume", path="ct.nii.gz")
    answer = json.loads(body)
    layer = answer["description"]
    assert status == 200
    assert answer["style"]["name"] == "ct.nii.gz"
    assert layer["shape"] == [6, 5, 4]
    np.testing.assert_allclose(layer["affine"], volume.affine, atol=1e-5)
    query = {"path": "ct.nii.gz", "version": layer["version"], "level": 0, "index": 0}
    status, headers, body = server.get("medical-workbench/brick", **query)
    header = json.loads(headers["X-Volume"])
    assert status == 200
    voxels = np.frombuffer(body, header["dtype"]).reshape(6, 5, 4, order="F")
    np.testing.assert_array_equal(voxels, volume.data)


def test_the_formats_are_told(server):
    status, _, body = server.get("medical-workbench/formats")
    assert status == 200
    assert json.loads(body) == {"formats": file_types()}


def test_no_copy_of_an_image_is_made_for_any_page(server, volume):
    wb.write(volume, server.root / "seen.nii.gz")
    address = f"http://127.0.0.1:{server.port}/api/contents/seen.nii.gz/checkpoints"
    request = urllib.request.Request(address, method="POST", headers={"Authorization": f"token {TOKEN}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 403
    assert not [path for path in server.root.rglob("*checkpoint*") if path.is_file()]


@pytest.mark.parametrize("address", [f"medical-workbench/{name}" for name in ("formats", "volume", "brick")])
def test_a_request_without_a_token_is_refused(server, volume, address):
    wb.write(volume, server.root / "private.nii")
    query = {"path": "private.nii", "version": "1", "level": 0, "index": 0}
    for token in (None, "wrong"):
        status, _, body = server.get(address, token=token, **query)
        assert status == 403
        assert b"shape" not in body
        assert b"suffixes" not in body


@pytest.mark.parametrize("path", ["../log.txt", "/etc/passwd", "a/../../log.txt", "..%2Flog.txt", "\0"])
def test_paths_out_of_the_root_are_refused(server, path):
    status, message = server.refused("medical-workbench/volume", path=path)
    assert status == 400
    assert str(server.root.parent) not in message


def test_a_text_file_named_nii_gz_is_answered_in_words(server):
    (server.root / "notes.nii.gz").write_text("Dear diary")
    status, message = server.refused("medical-workbench/volume", path="notes.nii.gz")
    assert status == 400
    assert "notes.nii.gz" in message


def test_bad_numbers_and_stale_versions_are_refused(server, volume):
    wb.write(volume, server.root / "again.nii")
    _, _, body = server.get("medical-workbench/volume", path="again.nii")
    version = json.loads(body)["description"]["version"]
    known = {"path": "again.nii", "version": version}
    assert "level must be 0 to 0, got '7'" in server.refused("medical-workbench/brick", **known, level=7, index=0)[1]
    assert "brick must be 0 to 0, got '-1'" in server.refused("medical-workbench/brick", **known, level=0, index=-1)[1]
    wb.write(volume.with_data(volume.data + 1), server.root / "again.nii")
    assert "changed on the disk" in server.refused("medical-workbench/brick", **known, level=0, index=0)[1]


def test_no_handler_is_left_open(server):
    # at its start the server warns of each handler that says nothing about who may use it
    log = server.log.read_text()
    assert "workbench.lab | extension was successfully loaded" in log
    ours = [name for name in vars(handlers) if name.endswith("Handler") and name != "APIHandler"]
    assert {"VolumeHandler", "BrickHandler", "FormatsHandler", "RunsHandler", "StopHandler"} <= set(ours)
    assert [name for name in ours if f"{name} registered" in log] == []
