from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.errors import InputError, MissingExtraError, StateError
from workbench.frameworks import Device, devices, get, names, register, resolve_device, title
from workbench.frameworks._registry import FRAMEWORKS, _made
from workbench.frameworks.base import Framework


def test_both_frameworks_are_known():
    assert set(names()) >= {"torch", "mindspore"}


def test_frameworks_are_called_as_their_makers_do():
    assert [title(name) for name in ("torch", "mindspore", "mine")] == ["PyTorch", "MindSpore", "mine"]


def test_an_unknown_framework_names_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'torch'"):
        get("troch")


def test_devices_lists_the_cpu_of_each_framework():
    found = {(device.framework, device.id) for device in devices()}
    assert ("torch", "cpu") in found


def test_a_missing_framework_says_which_extra(monkeypatch):
    from workbench.frameworks.mindspore import MindSporeFramework

    monkeypatch.setattr(MindSporeFramework, "installed", classmethod(lambda cls: False))
    _made.cache_clear()
    with pytest.raises(MissingExtraError, match=r"medical-workbench\[mindspore\]"):
        get("mindspore")
    assert all(device.framework != "mindspore" for device in devices())


def test_importing_and_listing_devices_does_not_import_mindspore():
    code = "import sys, workbench.frameworks as f; assert 'torch' not in sys.modules; f.devices(); "
    code += "assert 'mindspore' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


class _Two:
    name = "two"

    def devices(self):
        return [Device("cpu", "two", "A processor"), Device("cuda:0", "two", "A card"), Device("cuda:1", "two", "B")]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("cpu", "cpu"), ("cuda", "cuda:0"), ("CUDA:1", "cuda:1"), (Device("cuda:1", "two", "B"), "cuda:1")],
)
def test_what_is_typed_becomes_a_device(typed, meant):
    assert resolve_device(_Two(), typed) == meant


def test_an_absent_device_lists_those_present():
    with pytest.raises(StateError, match=r"two has no device 'mps'.*'cuda:0' \(A card\)"):
        resolve_device(_Two(), "mps")


def test_a_device_is_told_in_words():
    assert str(Device("cpu", "torch", "X", 16 * 10**9, 4 * 10**9, 4)) == "torch cpu: X, 4 cores, 16 GB, 4 GB free"


@pytest.fixture
def other():
    kind = type("Other", (Framework,), {"name": "other", "installed": classmethod(lambda cls: True)})
    kind.__abstractmethods__ = frozenset()
    return kind


def test_other_packages_register_frameworks(plug_ins, other):
    plug_ins(FRAMEWORKS, other=other, odd=ImportError("no such thing"))
    assert set(names()) == {"torch", "mindspore", "other", "odd"}
    assert get("other").name == "other"
    with pytest.raises(StateError, match=r"framework plug-in 'odd'.*no such thing"):
        get("odd")


def test_a_framework_can_be_declared_in_a_cell(plug_ins, other):
    plug_ins(FRAMEWORKS)
    register(other)
    assert get("other").name == "other"
    with pytest.raises(StateError, match=r"Two frameworks are called 'torch'.*TorchFramework"):
        register(type("Mine", (other,), {"name": "torch"}))
