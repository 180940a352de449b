"""Requests as plain data and as folders: what they are about is named, and compared by fingerprint when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import _atomic
from workbench.errors import FileError, InputError
from workbench.explain import _sidecar
from workbench.explain.cases import Case, cases_in, mapped
from workbench.explain.making import Asked
from workbench.explain.targets import Target, from_description

if TYPE_CHECKING:
    from workbench.volume import Volume

_KIND = ("workbench-request", 1)
_AGAIN = "It was edited or damaged; copy it again or save the request anew."
_REQUEST, _MODEL, _VOLUME, _REGION = "request.json", "model.safetensors", "volume.npz", "region.npz"
_CASE = "case-{}.npz"


def describe(
    asked: Asked, model: str | Path, volume: str | Path, region: str | Path | None, cases: Sequence[str] = ()
) -> dict[str, Any]:
    """Do what `Request.to_json` says; `cases` are the files of the other cases among the options, in order."""
    target, others = asked.target, iter(cases)
    if len(cases) != len(cases_in(asked.options)):
        raise InputError(
            "A request: options must be plain data to be told as such, got other cases as a baseline. Save the request "
            "(Request.save), which takes them along."
        )
    facts: dict[str, Any] = {
        **_sidecar.head(_KIND),
        "method": asked.method,
        "target": None if target is None else target.describe(),
        "layer": asked.layer,
        "options": mapped(asked.options, lambda case: {**case, "from": next(others)}),
        "schedule": asked.schedule,
        "model": {
            "from": str(model),
            "framework": asked.model.framework.name,
            "device": str(asked.model.device),
            "fingerprint": asked.model.weights_fingerprint(),
        },
        "volume": {"from": str(volume), "fingerprint": asked.volume.fingerprint()},
        "region": None,
    }
    if target is not None and target.pointer is not None:
        if region is None:
            raise InputError("A request: region must be the file of the target's labels, got None. Write them first.")
        facts["region"] = {"from": str(region), "fingerprint": target.pointer.fingerprint()}
    try:
        described: dict[str, Any] = json.loads(json.dumps(facts, default=_as_list))
    except TypeError as error:
        raise InputError(
            f"A request: options must be numbers, text or lists of them to be stored, got {asked.options!r} ({error}). "
            "Run the request in this process."
        ) from None
    return described


def arguments(known: Any, folder: Path, name: str, device: str | None) -> dict[str, Any]:
    """Return what a `Request` is made of, from what `describe` returned.

    Parameters
    ----------
    name : str
        What the data is called in an error.
    """
    from workbench import zoo

    facts = _sidecar.opened(known, name, _KIND, "a request", "what `Request.to_json` or `Request.save` made")
    try:
        told, target = facts["model"], facts["target"]
        model = zoo.load(_place(told["from"], folder), framework=told["framework"], device=device or told["device"])
        _compare(model.weights_fingerprint(), told, "model")
        region = None if facts["region"] is None else _volume(facts["region"], folder, "region", kind="labels")
        return {
            "model": model,
            "volume": _volume(facts["volume"], folder, "volume"),
            "method": facts["method"],
            "target": None if target is None else _target(target, region, name),
            "layer": facts["layer"],
            "options": mapped(facts["options"], lambda told: Case.of(_volume(told, folder, "baseline"))),
            "schedule": facts["schedule"],
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _incomplete(name, error) from error


def save(asked: Asked, folder: Path) -> Path:
    """Do what `Request.save` says."""
    from workbench import io
    from workbench.io import _files

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"A request: folder must be new or empty, got {str(folder)!r}. Choose another name.")
    if not hasattr(asked.model, "save"):
        raise InputError(
            f"A request: model must be one that can be saved (wb.zoo.create, run.model()), got "
            f"{type(asked.model).__name__}. Run the request in this process."
        )
    check = getattr(asked.model.algorithm, "check_elsewhere", None)
    if check is not None:
        check()
    with _files.refusal_becomes_error(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _atomic.making_folder(folder, durable=True) as made:
            made.chmod(0o700)
            asked.model.save(made / _MODEL)
            io.write(_unnamed(asked.volume), made / _VOLUME)
            region = None if asked.target is None else asked.target.pointer
            if region is not None:
                io.write(_unnamed(region), made / _REGION)
            cases = cases_in(asked.options)
            names = [_CASE.format(number) for number in range(1, len(cases) + 1)]
            for name, case in zip(names, cases, strict=True):
                io.write(_unnamed(case.volume), made / name)
            told = describe(asked, _MODEL, _VOLUME, _REGION if region is not None else None, names)
            _sidecar.write(made / _REQUEST, told)
    return folder


def load(folder: Path, device: str | None) -> dict[str, Any]:
    """Return what a `Request` is made of, from a folder that `save` has written."""
    path = folder / _REQUEST
    missing = f"A request is a folder with {_REQUEST!r} in it, but there is none. Give what `Request.save` has written."
    return arguments(_sidecar.read(path, missing, _AGAIN), folder, repr(_REQUEST), device)


def _unnamed(volume: Volume) -> Volume:
    """Return a volume without what may name a patient, and what no map depends on."""
    return volume.with_meaning(channels=None, labels=None, notes=(), source=None)


def _place(given: str, folder: Path) -> str | Path:
    """Return the file of that name in `folder`, else the name as it is: maybe that of a trained model."""
    return folder / given if (folder / given).is_file() or Path(given).suffix else given


def _volume(told: Mapping[str, Any], folder: Path, what: str, **options: Any) -> Volume:
    from workbench import io

    volume = io.read(_place(told["from"], folder), **options)
    _compare(volume.fingerprint(), told, what)
    return volume


def _compare(fingerprint: str, told: Mapping[str, Any], what: str) -> None:
    if fingerprint != told["fingerprint"]:
        raise FileError(
            f"A request: {what} must be the one that it was made for, got another at {told['from']!r} "
            f"(fingerprint {fingerprint[:8]}, not {str(told['fingerprint'])[:8]}). Put it back, or make the request "
            "anew."
        )


def _as_list(value: Any) -> Any:
    """Return what NumPy's arrays and numbers hold; json calls it with what it does not know."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither")


def _target(told: dict[str, Any], region: Volume | None, name: str) -> Target:
    try:
        return from_description(told, region)
    except InputError as error:
        raise _incomplete(name, error) from error


def _incomplete(name: str, error: Exception) -> FileError:
    return FileError(f"{name} does not describe a request completely: {error}. {_AGAIN}")
