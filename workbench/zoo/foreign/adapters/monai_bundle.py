"""A bundle of MONAI: its folder or zip file, with metadata, a configuration of inference and weights.

The configuration of a bundle is a program: what begins with ``$`` is evaluated as Python by MONAI. Nothing of it is
evaluated here. The network is one of ``monai.networks.nets`` with options that are plain data; else the bundle is
refused.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from workbench import frameworks
from workbench.errors import FileError, InputError, MissingExtraError
from workbench.frameworks import loading
from workbench.zoo.foreign.adapter import Adapter, Found

_METADATA, _WEIGHTS = "configs/metadata.json", "models/model.pt"
_INFERENCE = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
_NETWORKS = "monai.networks.nets"
#: Under which names bundles have their network.
_PLACES = ("network_def", "network", "net", "model")
#: Steps of preprocessing that change no value and no place.
_PLAIN = ("LoadImaged", "EnsureChannelFirstd", "EnsureTyped", "CastToTyped", "ToTensord", "AddChanneld")
#: What each other step that is known decides.
_DECIDES = {
    "Orientationd": "orientation",
    "Spacingd": "spacing",
    "ScaleIntensityRanged": "intensity",
    "ScaleIntensityd": "intensity",
    "NormalizeIntensityd": "intensity",
}
#: Options of these that are read, or change nothing that is done here; of those below only their defaults are known.
_READ = {
    "Orientationd": {"axcodes"},
    "Spacingd": {"pixdim", "mode", "padding_mode", "align_corners", "recompute_affine"},
    "ScaleIntensityRanged": {"a_min", "a_max", "b_min", "b_max", "clip"},
    "ScaleIntensityd": {"minv", "maxv"},
    "NormalizeIntensityd": {"channel_wise"},
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Orientationd": {"as_closest_canonical": False},
    "Spacingd": {"diagonal": False, "scale_extent": False},
    "ScaleIntensityd": {"factor": None, "channel_wise": False},
    "NormalizeIntensityd": {"subtrahend": None, "divisor": None, "nonzero": False},
}
_NEEDED = {"Orientationd": ("axcodes",), "Spacingd": ("pixdim",), "ScaleIntensityRanged": ("a_min", "a_max")}
_TRANSFORMS = "monai.transforms"
_SAY_PREPROCESS = "Say what is to be done: wb.wrap(bundle, preprocess={...})."
_SAY_FINAL = 'Say how the network ends: wb.wrap(bundle, final="softmax") or "sigmoid".'


class MonaiBundle(Adapter):
    """A bundle of MONAI."""

    name = "monai-bundle"
    title = "a bundle of MONAI (a folder or zip file with configs/metadata.json)"
    order: ClassVar[float] = 10

    def takes(self, thing: Any) -> bool:
        return isinstance(thing, str | Path) and _Files.at(Path(thing)) is not None

    def read(self, thing: Any, said: Mapping[str, Any]) -> Found:
        files = _Files.at(Path(thing))
        assert files is not None
        metadata, config = files.data(_METADATA), files.inference()
        network = _network(config)
        with files.file(_WEIGHTS) as weights:
            loading.load(frameworks.get(frameworks.DEFAULT), network, weights)
        data = metadata.get("network_data_format", {})
        image: Mapping[str, Any] = next(iter(data.get("inputs", {}).values()), {})
        found: dict[str, Any] = {"name": str(metadata.get("name", "MonaiBundle"))}
        if "num_channels" in image:
            found["in_channels"] = int(image["num_channels"])
        if (names := _names(data)) is not None:
            found["classes"] = names
        if "final" not in said:
            found |= _ending(config)
        if (patch := _plain(config.get("inferer", {}).get("roi_size"), config)) is not None:
            found["patch_size"] = patch
        if not {"preprocess", "orientation", "spacing", "intensity"} & set(said):
            found["preprocess"] = _preprocess(config)
        version = metadata.get("version", "no version")
        note = f"A bundle of MONAI, {found['name']} ({version}): weights and preprocessing as it says."
        reference = "; ".join(map(str, metadata.get("references", [])))
        return Found(network, found, (note,), reference, str(metadata.get("license", "")))


class _Files:
    """The files of a bundle, in a folder or a zip file."""

    def __init__(self, place: Path, prefix: str, names: set[str]) -> None:
        self._place, self._prefix, self._names = place, prefix, names

    @classmethod
    def at(cls, place: Path) -> _Files | None:
        """Return the files of a bundle; None if there is none."""
        if place.is_dir() and (place / _METADATA).is_file():
            wanted = (_METADATA, _WEIGHTS, *_INFERENCE)
            return cls(place, "", {name for name in wanted if (place / name).is_file()})
        if not (place.is_file() and zipfile.is_zipfile(place)):
            return None
        with zipfile.ZipFile(place) as archive:
            names = set(archive.namelist())
        # a zip file has the folder of the bundle in it, or what is in that
        found = [name for name in names if PurePosixPath(name).parts[-2:] == ("configs", "metadata.json")]
        prefix = min(found, key=len).removesuffix(_METADATA) if found else ""
        return cls(place, prefix, {name.removeprefix(prefix) for name in names}) if found else None

    def data(self, name: str) -> dict[str, Any]:
        """Return a file of data."""
        try:
            if name.endswith(".json"):
                read = json.loads(self._bytes(name))
            else:
                import yaml

                read = yaml.safe_load(self._bytes(name))
        except ValueError as error:
            raise FileError(f"The bundle {self._place.name}: {name} must be JSON or YAML, got {error}.") from error
        if not isinstance(read, dict):
            raise FileError(f"The bundle {self._place.name}: {name} must hold a mapping, got {type(read).__name__}.")
        return read

    def inference(self) -> dict[str, Any]:
        """Return the configuration of inference."""
        found = [name for name in _INFERENCE if name in self._names]
        if not found:
            raise FileError(
                f"The bundle {self._place.name}: {_INFERENCE[0]} must be there, got none. Build the network yourself, "
                "and wrap that."
            )
        return self.data(found[0])

    def file(self, name: str) -> _OnDisk:
        """Return a file by its path, for the length of a ``with`` block."""
        if name not in self._names:
            raise FileError(
                f"The bundle {self._place.name}: {name} must be there, got none (large files are fetched apart). "
                "Download it as large_files.yml says."
            )
        return _OnDisk(self._place / name if self._place.is_dir() else None, lambda: self._bytes(name))

    def _bytes(self, name: str) -> bytes:
        if self._place.is_dir():
            return (self._place / name).read_bytes()
        with zipfile.ZipFile(self._place) as archive:
            return archive.read(f"{self._prefix}{name}")


class _OnDisk:
    """A file that lies on the disk, or is put there for a while."""

    def __init__(self, path: Path | None, read: Callable[[], bytes]) -> None:
        self._path, self._read = path, read
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if self._path is not None:
            return self._path
        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name) / "model.pt"
        made.write_bytes(self._read())
        return made

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _network(config: Mapping[str, Any]) -> Any:
    """Return the network that a configuration describes, if it is one of MONAI's own."""
    place = next((name for name in _PLACES if isinstance(config.get(name), Mapping)), None)
    if place is None:
        raise _refused(
            "network_def must be a mapping with a _target_", config.get("network_def", config.get("network"))
        )
    described = dict(config[place])
    target, options = str(described.pop("_target_", "")), {}
    for key, value in described.items():
        if not key.startswith("_"):
            options[key] = _plain(value, config)
        elif key != "_disabled_" or value is not False:
            raise _refused(f"{place} must have options alone", f"{key}: {value!r}")
    # "UNet", and where it lies: "monai.networks.nets.UNet", "monai.networks.nets.unet.UNet"
    module, _, name = target.rpartition(".")
    if module and module != _NETWORKS and not module.startswith(f"{_NETWORKS}."):
        raise _refused(f"{place} must be a network of {_NETWORKS}", target)
    try:
        import monai.networks.nets as known
    except ImportError as error:
        raise MissingExtraError("MONAI, whose network this bundle has,", "monai") from error
    kind = getattr(known, name, None)
    if not isinstance(kind, type) or not kind.__module__.startswith(f"{_NETWORKS}."):
        raise _refused(f"{place} must be a network of {_NETWORKS}", target or "none")
    return frameworks.get(frameworks.DEFAULT).build(lambda *_: kind, options)


def _plain(value: Any, config: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value of a configuration, references to other plain values looked up."""
    if isinstance(value, str) and value.startswith(("$", "%")):
        raise _refused("every value of the network must be plain data", value)
    if isinstance(value, str) and value.startswith("@"):
        if depth > 10:
            raise _refused("references must come to an end", value)
        return _plain(_referred(value, config), config, depth + 1)
    if isinstance(value, Mapping):
        if "_target_" in value:
            raise _refused("every value of the network must be plain data", value["_target_"])
        return {key: _plain(one, config, depth) for key, one in value.items()}
    return [_plain(one, config, depth) for one in value] if isinstance(value, list) else value


def _referred(reference: str, config: Mapping[str, Any]) -> Any:
    """Return what a reference ("@a#b#0") names, as it stands there."""
    found: Any = config
    for part in reference[1:].replace("::", "#").split("#"):
        try:
            found = found[int(part) if isinstance(found, list) else part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _refused("what is referred to must be there", reference) from None
    return found


def _followed(value: Any, config: Mapping[str, Any]) -> Any:
    """Return what stands at the end of a chain of references."""
    for _ in range(10):
        if not (isinstance(value, str) and value.startswith("@")):
            return value
        value = _referred(value, config)
    raise _refused("references must come to an end", value)


def _names(data: Mapping[str, Any]) -> list[str] | None:
    output: Mapping[str, Any] = next(iter(data.get("outputs", {}).values()), {})
    told = output.get("channel_def", {})
    numbers = [int(key) for key in told if str(key).isdigit()]
    complete = numbers and sorted(numbers) == list(range(len(numbers)))
    return [str(told[key]) for key in sorted(told, key=int)] if complete else None


def _steps(config: Mapping[str, Any], name: str, remedy: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the steps of a chain of transforms that are switched on: the class of each, and its options."""
    told = _followed(config.get(name), config)
    if told is None:
        return []
    if not isinstance(told, Mapping):
        raise _unknown(f"{name} must be described, to be known without running it", told, remedy)
    if not _on(told, config, name, remedy):
        return []
    if (kind := _class(told)) not in ("", "Compose"):
        raise _unknown(f"{name} must be a Compose of steps", kind, remedy)
    given = _followed(told.get("transforms", []), config)
    if not isinstance(given, list):
        raise _unknown(f"{name} must have a list of transforms", given, remedy)
    steps: list[tuple[str, Mapping[str, Any]]] = []
    for one in given:
        step = _followed(one, config)
        if not (isinstance(step, Mapping) and "_target_" in step):
            raise _unknown(f"each step of {name} must be a mapping with a _target_", step, remedy)
        if _on(step, config, name, remedy):
            steps.append((_class(step), {key: value for key, value in step.items() if not key.startswith("_")}))
    return steps


def _class(step: Mapping[str, Any]) -> str:
    """Return the class of a step by its name alone if it is MONAI's, else by all that is said."""
    target = str(step.get("_target_", ""))
    module, _, name = target.rpartition(".")
    return name if not module or module == _TRANSFORMS or module.startswith(f"{_TRANSFORMS}.") else target


def _on(step: Mapping[str, Any], config: Mapping[str, Any], name: str, remedy: str) -> bool:
    """Tell whether a step is switched on."""
    for key in step:
        if key.startswith("_") and key not in ("_target_", "_disabled_", "_desc_"):
            raise _unknown(f"each step of {name} must have options alone", f"{key}: {step[key]!r}", remedy)
    return not _truth(step.get("_disabled_", False), config, "_disabled_", remedy)


def _truth(value: Any, config: Mapping[str, Any], option: str, remedy: str) -> bool:
    found = _followed(value, config)
    if not isinstance(found, bool):
        raise _unknown(f"{option} must be true or false", found, remedy)
    return found


def _ending(config: Mapping[str, Any]) -> dict[str, Any]:
    for name, options in _steps(config, "postprocessing", _SAY_FINAL):
        if name != "Activationsd":
            continue
        if options.get("other") is not None:
            raise _unknown("Activationsd must be a softmax or a sigmoid", options["other"], _SAY_FINAL)
        ends = ("softmax", "sigmoid")
        on = [one for one in ends if _truth(options.get(one, False), config, f"Activationsd: {one}", _SAY_FINAL)]
        if len(on) > 1:
            raise _unknown("Activationsd must be a softmax or a sigmoid", " and ".join(on), _SAY_FINAL)
        return {"final": on[0]} if on else {}
    return {}


def _preprocess(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is done to an image first, of the steps that have the same meaning here."""
    found: dict[str, Any] = {}
    for name, given in _steps(config, "preprocessing", _SAY_PREPROCESS):
        if name not in _PLAIN and name not in _DECIDES:
            raise _unknown("preprocessing must consist of steps that are known here", name, _SAY_PREPROCESS)
        options = {key: _plain(value, config) for key, value in given.items() if key != "keys"}
        if "float" not in str(options.get("dtype") or "float"):
            raise _unknown(f"{name} must keep floating-point numbers", f"dtype {options['dtype']}", _SAY_PREPROCESS)
        if name in _PLAIN:
            continue
        what = _DECIDES[name]
        if what in found:
            raise _unknown(f"preprocessing must have one step of {what}", f"{name} as another", _SAY_PREPROCESS)
        if what == "orientation" and "spacing" in found:
            # its lengths are of the axes before they are turned
            raise _unknown("Spacingd must come after Orientationd", "it before", _SAY_PREPROCESS)
        _check_options(name, options)
        found[what] = _decided(name, options)
    return {"intensity": {"kind": "none"}} | found


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    defaults = _DEFAULTS.get(name, {})
    for key, value in options.items():
        known = key in _READ[name] or key in ("dtype", "allow_missing_keys")
        if not known and not (key in defaults and value == defaults[key]):
            raise _unknown(f"{name} must have options that are known here", f"{key}={value!r}", _SAY_PREPROCESS)
    for key in _NEEDED.get(name, ()):
        if options.get(key) is None:
            raise _unknown(f"{name} must have {key}", "none", _SAY_PREPROCESS)
    for key in {"clip", "channel_wise"} & {*options}:
        _truth(options[key], {}, f"{name}: {key}", _SAY_PREPROCESS)


def _decided(name: str, options: Mapping[str, Any]) -> Any:
    if name == "Orientationd":
        return options["axcodes"]
    if name == "Spacingd":
        mode = options.get("mode", "bilinear")
        # of several keys the image is the first
        if (mode[0] if isinstance(mode, list) and mode else mode) not in ("bilinear", 1):
            raise _unknown("Spacingd must interpolate linearly", f"mode={mode!r}", _SAY_PREPROCESS)
        return options["pixdim"]
    if name == "NormalizeIntensityd":
        return {"kind": "zscore", "channel_wise": options.get("channel_wise", False)}
    scaled = name == "ScaleIntensityRanged"
    low, high = ("b_min", "b_max") if scaled else ("minv", "maxv")
    out = [options.get(low, None if scaled else 0.0), options.get(high, None if scaled else 1.0)]
    # without both ends MONAI scales to 0 and 1, and clips nothing
    clip = bool(options.get("clip", False)) and None not in out
    if (out[0] is None) != (out[1] is None) or (not scaled and None in out):
        raise _unknown(f"{name} must have both {low} and {high}", f"{out}", _SAY_PREPROCESS)
    out = [0.0, 1.0] if None in out else out
    if not scaled:
        return {"kind": "range", "out": out}
    return {"kind": "window" if clip else "range", "low": options["a_min"], "high": options["a_max"], "out": out}


def _unknown(rule: str, got: Any, remedy: str) -> InputError:
    return InputError(f"A bundle of MONAI: {rule}, got {got if isinstance(got, str) else repr(got)}. {remedy}")


def _refused(rule: str, got: Any) -> InputError:
    return InputError(
        f"A bundle of MONAI: {rule}, got {got!r}. Expressions and classes of others are code, and are not run. Build "
        "the network yourself, load its weights, and wrap that: wb.wrap(network)."
    )
