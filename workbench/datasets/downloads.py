"""Fetching files: only when asked, resumable, checked; and unpacking archives that nobody vouches for."""

from __future__ import annotations

import hashlib
import http.client
import json
import tarfile
import urllib.error
import urllib.request
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workbench import _atomic
from workbench.errors import FileError, InputError

#: Told of the bytes so far, and of those in all where that is known.
Received = Callable[[int, int | None], None]

_CHUNK = 1 << 20

#: What an archive may unpack to, unless the caller knows better: files, bytes, and how much larger than the archive.
MAX_FILES = 200_000
MAX_BYTES = 200 << 30
MAX_RATIO = 200


def fetch(
    address: str,
    target: str | Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    progress: Received | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download a file, going on where an earlier attempt stopped.

    The bytes go into ``<target>.part`` until they are whole and their checksum is right; then the file gets its name.
    Where no SHA-256 is known, the one found on the first download is written to ``<target>.sha256`` and later downloads
    of the same name are held against it (trust on first use); an MD5, if given, is checked as well.

    Parameters
    ----------
    address : str
        ``http://`` or ``https://`` address.
    target : path
        The file to write. If it is there already and its checksum is right, nothing is downloaded.
    sha256, md5 : str, optional
        Checksums of the whole file, in hexadecimal.
    progress : callable, optional
        Called with (bytes so far, bytes in all or None).
    timeout : float
        Seconds without a byte after which the attempt fails.

    Raises
    ------
    FileError
        If the server cannot be reached (the message says what to fetch by hand and where to put it), the disk is full,
        or the checksum is wrong.
    """
    if not address.startswith(("http://", "https://")):
        raise InputError(f"Only http and https addresses can be fetched, got {address!r}.")
    path = Path(target).expanduser()
    recorded = path.with_name(path.name + ".sha256")
    known = sha256 or _recorded(recorded)
    if path.exists():
        _verify(path, known, md5, f"Delete {path} and fetch it again.")
        return path
    # not a name drawn at random: the next attempt must find the bytes that are there
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(address, part, progress, timeout)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        so_far = (
            f" {part.stat().st_size:,} bytes are kept and the next attempt goes on from there." if part.exists() else ""
        )
        raise FileError(
            f"{address} could not be fetched ({reason or type(error).__name__}).{so_far} "
            f"Without a network: fetch it by hand on another machine and put it at {path}."
        ) from error
    except OSError as error:
        raise FileError(f"{part} cannot be written: {error}. Free some space, or set WORKBENCH_CACHE.") from error
    try:
        digest = _verify(
            part, known, md5, "The download is damaged or the file was changed at its source; fetch it again."
        )
    except FileError:
        part.unlink()  # going on from damaged bytes can never succeed
        raise
    if known is None:
        _atomic.write_text(recorded, json.dumps({"sha256": digest, "address": address}))
    _atomic.replace(part, path)
    return path


def extract(archive: str | Path, folder: str | Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> Path:
    """Unpack a zip or tar archive into a folder, refusing everything that reaches out of it.

    All names and sizes are checked before the first byte is written: absolute names, ``..``, links, devices, more than
    `max_files` files, more than `max_bytes` bytes, or more than 200 times the size of the archive are errors. What is
    unpacked is counted as well, because a header may lie.

    Raises
    ------
    FileError
        If the archive is not one, or breaks a rule; the message names the entry.
    """
    source, target = Path(archive).expanduser(), Path(folder).expanduser()
    if not source.is_file():
        raise FileError(f"There is no archive {source}.")
    limit = min(max_bytes, max(source.stat().st_size, 1 << 20) * MAX_RATIO)
    try:
        with _open(source) as entries:
            _check_entries(source, entries, limit, max_files)
            target.parent.mkdir(parents=True, exist_ok=True)
            with _atomic.making_folder(target) as draft:
                left = limit
                for name, _, open_entry in entries:
                    place = draft / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with open_entry() as stream, place.open("wb") as sink:
                        left = _copy(stream, sink, left, f"{source.name} unpacks to more than {limit:,} bytes")
                if target.exists():
                    raise FileError(f"{target} is there already; delete it to unpack {source.name} again.")
    except FileError:
        raise
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError) as error:
        raise FileError(f"{source.name} is not a whole, open zip or tar archive ({error}); fetch it again.") from error
    except OSError as error:
        raise FileError(f"{source.name} cannot be unpacked into {target}: {error}.") from error
    return target


class _Entries:
    """The regular files of an open archive: (name, size, function that opens it)."""

    def __init__(self, files: list[tuple[str, int, Callable[[], IO[bytes]]]], opened: Any) -> None:
        self._files = files
        self._opened = opened

    def __enter__(self) -> list[tuple[str, int, Callable[[], IO[bytes]]]]:
        return self._files

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def _open(source: Path) -> _Entries:
    files: list[tuple[str, int, Callable[[], IO[bytes]]]] = []
    if zipfile.is_zipfile(source):
        archive = zipfile.ZipFile(source)
        for info in archive.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            if kind not in {0, 0o100000, 0o040000}:
                raise FileError(
                    f"{source.name} holds {info.filename!r}, which is a link or device; it is not unpacked."
                )
            if not info.is_dir():
                files.append((info.filename, info.file_size, lambda info=info: archive.open(info)))  # type: ignore[misc]
        return _Entries(files, archive)
    packed = tarfile.open(source)  # noqa: SIM115 - closed by _Entries
    for member in packed:
        if member.isdir():
            _check_name(source, member.name)
            continue
        if not member.isreg():
            raise FileError(f"{source.name} holds {member.name!r}, which is a link or device; it is not unpacked.")
        files.append((member.name, member.size, lambda member=member: _member(packed, member)))  # type: ignore[misc]
    return _Entries(files, packed)


def _member(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = packed.extractfile(member)
    assert stream is not None  # only regular files come here
    return stream


def _check_entries(source: Path, entries: list[tuple[str, int, Any]], limit: int, max_files: int) -> None:
    if not entries:
        raise FileError(f"{source.name} holds no files; fetch it again.")
    if len(entries) > max_files:
        raise FileError(f"{source.name} holds {len(entries):,} files, more than {max_files:,}; it is not unpacked.")
    total = sum(size for _, size, _ in entries)
    if total > limit:
        raise FileError(
            f"{source.name} ({source.stat().st_size:,} bytes) would unpack to {total:,} bytes, more than {limit:,}; "
            "it is not unpacked."
        )
    for name, _, _ in entries:
        _check_name(source, name)


def _check_name(source: Path, name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name or not parts.parts:
        raise FileError(f"{source.name} holds {name!r}, which reaches out of the folder; it is not unpacked.")


def _copy(stream: IO[bytes], sink: IO[bytes], left: int, complaint: str) -> int:
    while chunk := stream.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise FileError(f"{complaint}; unpacking was stopped.")
        sink.write(chunk)
    return left


def _receive(address: str, part: Path, progress: Received | None, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310 - http(s) only, checked by fetch
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        # the part is at least as long as the file: its checksum will tell whether it is the file
        return
    with answer:
        going_on = have > 0 and answer.status == 206 and _starts_at(answer) == have
        if not going_on:
            have = 0  # a server that cannot go on sends everything again
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with part.open("ab" if going_on else "wb") as sink:
            for chunk in _chunks(answer):
                sink.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")


def _starts_at(answer: Any) -> int | None:
    # "bytes 100-999/1000"
    stated = str(answer.headers.get("Content-Range", "")).removeprefix("bytes ").split("-")[0]
    return int(stated) if stated.isdigit() else None


def _chunks(answer: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read1(_CHUNK)
        except http.client.IncompleteRead as error:
            if error.partial:
                yield error.partial
            return
        if not chunk:
            return
        yield chunk


def _recorded(file: Path) -> str | None:
    if not file.exists():
        return None
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(f"{file} does not hold a checksum ({error!r}). Delete it to record it anew.") from error


def _verify(file: Path, sha256: str | None, md5: str | None, remedy: str) -> str:
    """Return the SHA-256 of `file`; raise if a checksum differs."""
    sums = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            for digest in sums.values():
                digest.update(chunk)
    for name, wanted in (("sha256", sha256), ("md5", md5)):
        got = sums[name].hexdigest()
        if wanted is not None and got != wanted.lower():
            raise FileError(f"{file.name} has {name.upper()} {got}, but {wanted} is expected. {remedy}")
    return sums["sha256"].hexdigest()


def __getattr__(name: str) -> Any:
    if name == "Progress":
        warnings.warn("downloads.Progress is now downloads.Received.", DeprecationWarning, stacklevel=2)
        return Received
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
