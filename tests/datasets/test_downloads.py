"""Fetching and unpacking, against a server on this machine and archives made to do harm."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile

import pytest

from workbench import datasets
from workbench.datasets import Card, Entry, downloads
from workbench.datasets.catalogue import DATASETS
from workbench.datasets.downloads import extract, fetch
from workbench.datasets.sources import hippocampus, medmnist
from workbench.errors import FileError, InputError

CONTENT = bytes(range(256)) * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; `breaks` answers stop half way."""

    breaks = 0
    ranges = True
    content = CONTENT
    seen: list[str | None] = []

    def do_GET(self) -> None:
        kind = type(self)
        wanted = self.headers.get("Range")
        kind.seen.append(wanted)
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and kind.ranges else 0
        if self.path == "/missing":
            self.send_error(404)
            return
        if start >= len(kind.content):
            self.send_error(416)
            return
        body = kind.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(kind.content) - 1}/{len(kind.content)}")
        self.end_headers()
        if kind.breaks > 0:
            kind.breaks -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    kind = type("H", (Handler,), {"seen": [], "breaks": 0, "ranges": True, "content": CONTENT})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", kind
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    address, kind = server
    steps = []
    path = fetch(f"{address}/a", tmp_path / "deep" / "a.bin", sha256=SHA, progress=lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(f"{address}/a", path, sha256=SHA.upper()) == path
    assert kind.seen == [None]
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.bin"]


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    address, kind = server
    kind.breaks = 1
    with pytest.raises(FileError, match=r"512,000 bytes are kept.*by hand.*a\.bin"):
        fetch(f"{address}/a", tmp_path / "a.bin", sha256=SHA)
    assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin.part").stat().st_size == 512_000
    assert fetch(f"{address}/a", tmp_path / "a.bin", sha256=SHA).read_bytes() == CONTENT
    assert kind.seen == [None, "bytes=512000-"]


def test_a_server_without_ranges_starts_again(server, tmp_path):
    address, kind = server
    kind.ranges = False
    (tmp_path / "a.bin.part").write_bytes(b"some old bytes")
    assert fetch(f"{address}/a", tmp_path / "a.bin", sha256=SHA).read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_used(server, tmp_path):
    address, _ = server
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert fetch(f"{address}/a", tmp_path / "a.bin", sha256=SHA).read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_not_gone_on_from(server, tmp_path):
    address, kind = server
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(FileError, match="SHA256"):
        fetch(f"{address}/a", tmp_path / "a.bin", sha256=SHA)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileError, match="MD5"):
        fetch(f"{address}/a", tmp_path / "a.bin", md5="0" * 32)
    assert fetch(f"{address}/a", tmp_path / "a.bin", md5=hashlib.md5(CONTENT).hexdigest()).exists()
    kind.content = b"other"


def test_without_a_known_sum_the_first_download_is_trusted_and_later_ones_held_against_it(server, tmp_path):
    address, kind = server
    path = fetch(f"{address}/a", tmp_path / "a.bin")
    assert json.loads((tmp_path / "a.bin.sha256").read_text())["sha256"] == SHA
    path.unlink()
    kind.content = CONTENT[:-1] + b"!"
    with pytest.raises(FileError, match=f"{SHA} is expected"):
        fetch(f"{address}/a", path)
    path.write_bytes(b"changed on disk")
    with pytest.raises(FileError, match="Delete"):
        fetch(f"{address}/a", path)


def test_offline_says_what_to_do(tmp_path):
    with pytest.raises(FileError, match=r"http://127\.0\.0\.1:9/a could not be fetched.*put it at .*a\.bin"):
        fetch("http://127.0.0.1:9/a", tmp_path / "a.bin")


def test_missing_files_and_other_protocols_are_named(server, tmp_path):
    address, _ = server
    with pytest.raises(FileError, match="Not Found"):
        fetch(f"{address}/missing", tmp_path / "a.bin")
    with pytest.raises(InputError, match="http"):
        fetch("file:///etc/passwd", tmp_path / "a.bin")


def test_an_unwritable_place_is_named(server, tmp_path):
    address, _ = server
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="WORKBENCH_CACHE"):
        fetch(f"{address}/a", tmp_path / "file" / "a.bin")


def test_a_data_set_is_fetched_by_name_into_the_cache(server, tmp_path, monkeypatch):
    address, kind = server
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(medmnist, "address", lambda flag, size: f"{address}/{flag}_{size}")
    kind.content = b"not the official bytes"
    with pytest.raises(FileError, match="750601b1f35ba3300ea97c75c52ff8f6 is expected"):
        datasets.download("breastmnist")
    with pytest.raises(InputError, match="nothing to download for 'phantom-ct'"):
        datasets.download("phantom-ct")
    with pytest.raises(InputError, match="Did you mean 'breastmnist'"):
        datasets.download("brestmnist")
    with pytest.raises(InputError, match="28, 64"):
        datasets.download("organmnist3d", size=128)


def test_a_data_set_of_a_package_says_how_it_is_fetched(plug_ins, tmp_path):
    def fetched(size, progress):
        progress(size, None)
        return tmp_path / f"mine-{size}"

    card = Card(name="mine", title="Mine", tasks=("classification",))
    plug_ins(DATASETS, mine=Entry(card, lambda: None, fetch=fetched))
    told = []
    assert datasets.download("mine", size=64, progress=lambda *step: told.append(step)) == tmp_path / "mine-64"
    assert told == [(64, None)]


def test_an_archive_of_a_data_set_is_unpacked(server, tmp_path, monkeypatch):
    address, kind = server
    kind.content = tar({"Task04_Hippocampus/imagesTr/a.nii.gz": b"1", "Task04_Hippocampus/labelsTr/a.nii.gz": b"2"})
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(hippocampus, "ADDRESS", f"{address}/Task04.tar")
    monkeypatch.setattr(hippocampus, "MD5", hashlib.md5(kind.content).hexdigest())
    folder = datasets.download("hippocampus")
    assert (folder / "Task04_Hippocampus" / "labelsTr" / "a.nii.gz").read_bytes() == b"2"
    assert datasets.download("hippocampus") == folder
    assert len(kind.seen) == 1


# ---- archives ------------------------------------------------------------------------------------------------------


def tar(files: dict[str, bytes], *members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in members:
            archive.addfile(info)
    return stream.getvalue()


def zipped(files: dict[str, bytes], **attributes: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes.get("mode", 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return stream.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_good_archive_is_unpacked(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack({"x/y.txt": b"hello", "z.txt": b""}))
    folder = extract(tmp_path / "a", tmp_path / "out")
    assert (folder / "x" / "y.txt").read_bytes() == b"hello"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "out"]
    with pytest.raises(FileError, match="there already"):
        extract(tmp_path / "a", tmp_path / "out")


NAMES = ["../evil", "a/../../evil", "/evil", "C:/evil", "..\\evil", "a\\..\\..\\evil"]


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(tar({"good": b"1", name: b"2"}), id=f"tar {name}") for name in NAMES),
        *(pytest.param(zipped({"good": b"1", name: b"2"}), id=f"zip {name}") for name in NAMES),
        pytest.param(tar({"good": b"1"}, link("evil", "/etc/passwd", tarfile.SYMTYPE)), id="symlink"),
        pytest.param(tar({"good": b"1"}, link("evil", "good", tarfile.LNKTYPE)), id="hard link"),
        pytest.param(tar({"good": b"1"}, link("evil", "", tarfile.FIFOTYPE)), id="pipe"),
        pytest.param(tar({"good": b"1"}, link("evil", "", tarfile.CHRTYPE)), id="device"),
        pytest.param(tar({}, link("../evil", "", tarfile.DIRTYPE)), id="folder outside"),
        pytest.param(zipped({"evil": b"/etc/passwd"}, mode=0o120777), id="zip symlink"),
    ],
)
def test_nothing_leaves_the_folder(tmp_path, content):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_bytes(content)
    with pytest.raises(FileError, match=r"evil.* it is not unpacked"):
        extract(inside / "a", inside / "out")
    assert [p.name for p in tmp_path.rglob("*")] == ["inside", "a"]


@pytest.mark.parametrize("pack", [tar, zipped])
def test_bombs_are_refused_before_a_byte_is_written(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack({"zeros": bytes(3_000_000)}))
    with pytest.raises(FileError, match="would unpack to 3,000,000 bytes"):
        extract(tmp_path / "a", tmp_path / "out", max_bytes=1_000_000)
    (tmp_path / "a").write_bytes(pack({str(i): b"" for i in range(20)}))
    with pytest.raises(FileError, match="20 files, more than 10"):
        extract(tmp_path / "a", tmp_path / "out", max_files=10)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_header_that_lies_about_the_size_is_noticed(tmp_path):
    honest = zipped({"zeros": bytes(3_000_000)})
    # the size stands in the local header and in the directory at the end
    lying = honest.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "a").write_bytes(lying)
    with pytest.raises(FileError):
        extract(tmp_path / "a", tmp_path / "out", max_bytes=1_000_000)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


BROKEN = [b"", b"not an archive", tar({"x": bytes(99999)})[:60], zipped({"x": b"1" * 999})[:-30]]


@pytest.mark.parametrize("content", BROKEN, ids=["empty", "text", "tar", "zip"])
def test_broken_archives_are_named(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileError, match="not a whole"):
        extract(tmp_path / "a", tmp_path / "out")
    with pytest.raises(FileError, match="no archive"):
        extract(tmp_path / "b", tmp_path / "out")


def test_the_former_name_of_what_is_told_of_a_download_still_serves():
    with pytest.warns(DeprecationWarning, match="Received"):
        assert downloads.Progress is downloads.Received
    with pytest.raises(AttributeError, match="Progres"):
        _ = downloads.Progres
