"""Weights from files of PyTorch and MindSpore: what is read, what is renamed, what is refused."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.errors import FileError, InputError, MissingExtraError
from workbench.frameworks import checkpoints, get, weights
from workbench.training.finetune import load_initial

torch = pytest.importorskip("torch")

TINY = {"in_channels": 1, "num_classes": 2, "depth": 18, "width": 2, "stem": "small"}


def network(seed=0, **options):
    return wb.zoo.create("covid-resnet", **{**TINY, **options}, seed=seed)


def same(model, other):
    return model.weights_fingerprint() == other.weights_fingerprint()


NESTINGS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"epoch": 3, "optimizer": {"state": {}, "param_groups": []}, "state_dict": state},
    "model": lambda state: {"model": state, "best": torch.tensor(0.5)},
    "twice": lambda state: {"model": {"state_dict": state}},
    "module.": lambda state: OrderedDict((f"module.{name}", value) for name, value in state.items()),
    "model.net.": lambda state: {"state_dict": {f"model.net.{name}": value for name, value in state.items()}},
}


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_torch_checkpoint_wherever_its_weights_are(nesting, zipped, tmp_path):
    theirs, ours = network(1), network(2)
    path = tmp_path / "theirs.pth"
    content = NESTINGS[nesting](theirs.module.state_dict())
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    report = ours.load(path)
    assert report.complete
    assert set(ours.state()) <= set(report.matched)
    assert same(ours, theirs)


def test_the_suffix_does_not_matter_where_the_content_speaks(tmp_path):
    theirs = network(1)
    torch.save(theirs.module.state_dict(), tmp_path / "lightning.ckpt")
    renamed = theirs.save(tmp_path / "weights.safetensors").rename(tmp_path / "weights.pt")
    for path in (tmp_path / "lightning.ckpt", renamed):
        ours = network(2)
        assert ours.load(path).complete
        assert same(ours, theirs)


def test_another_head_is_reported_and_the_rest_taken(tmp_path):
    theirs, ours = network(1, num_classes=5), network(2)
    state = theirs.module.state_dict() | {"auxiliary.weight": torch.zeros(2)}
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="strict=False"):
        ours.load(tmp_path / "w.pt")
    report = ours.load(tmp_path / "w.pt", strict=False)
    assert report.unexpected == ("auxiliary.weight",)
    assert set(report.mismatched) == {"fc.weight", "fc.bias"}
    assert not report.missing
    assert np.array_equal(ours.state()["conv1.weight"], theirs.state()["conv1.weight"])


def test_fine_tuning_starts_from_one(tmp_path):
    theirs, ours = network(1), network(2)
    torch.save({"state_dict": theirs.module.state_dict()}, tmp_path / "w.pt")
    report = load_initial(ours.framework, ours.module, tmp_path / "w.pt")
    assert (report["algorithm"], report["missing"], report["unexpected"]) == (None, [], [])
    assert same(ours, theirs)


def test_a_prefix_of_the_networks_own_is_kept(tmp_path):
    torch.save({"body.conv.weight": torch.ones(2), "body.conv.bias": torch.ones(2)}, tmp_path / "w.pt")
    names = ["body.conv.weight", "body.conv.bias"]
    assert sorted(checkpoints.load(tmp_path / "w.pt", names)) == sorted(names)
    assert sorted(checkpoints.load(tmp_path / "w.pt", ["conv.weight", "conv.bias"])) == ["conv.bias", "conv.weight"]


def test_half_precision_becomes_the_networks(tmp_path):
    theirs, ours = network(1), network(2)
    halved = {name: value.to(torch.bfloat16) for name, value in theirs.module.state_dict().items()}
    torch.save(halved, tmp_path / "w.pt")
    assert ours.load(tmp_path / "w.pt").complete
    assert np.allclose(ours.state()["fc.weight"], theirs.state()["fc.weight"], rtol=1e-2)
    assert ours.state()["fc.weight"].dtype == np.float32


class _Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("writer", ["zip", "legacy", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(writer, tmp_path):
    path, trace = tmp_path / "w.pt", tmp_path / "it-ran"
    content = {"state_dict": _Malicious(trace)}
    if writer == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=writer == "zip")
    with pytest.raises(FileError, match=r"w\.pt was refused.*state_dict\(\)"):
        network().load(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(content))
    assert trace.exists()  # so the file would have run it


def test_a_whole_module_is_refused_by_the_name_of_its_class(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "w.pt")
    with pytest.raises(FileError, match=r"holds the name torch\.nn\.modules\.linear\.Linear"):
        network().load(tmp_path / "w.pt")


def test_torchscript_says_how_to_get_its_weights(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "w.pt")
    with pytest.raises(FileError, match=r"TorchScript program.*torch\.jit\.load"):
        network().load(tmp_path / "w.pt")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_torch_checkpoint_that_was_cut_short(zipped, share, tmp_path):
    path, model = tmp_path / "w.pth", network()
    torch.save(model.module.state_dict(), path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    before = model.weights_fingerprint()
    with pytest.raises(FileError, match=r"w\.pth is cut short or not a PyTorch checkpoint.*again"):
        model.load(path)
    assert model.weights_fingerprint() == before


@pytest.mark.parametrize(
    ("content", "got"), [({"epoch": 3, "lr": 0.1}, "the entries epoch, lr"), ([1, 2], "a list"), ({}, "an empty dict")]
)
def test_a_torch_checkpoint_without_weights(content, got, tmp_path):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(FileError, match=f"holds no weights.*got {got}"):
        network().load(tmp_path / "w.pt")


def test_values_that_are_not_finite(tmp_path):
    state = network().module.state_dict()
    state["fc.bias"][0] = float("nan")
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(FileError, match=r"finite.*fc\.bias"):
        network().load(tmp_path / "w.pt")
    assert network().load(tmp_path / "w.pt", allow_non_finite=True).complete


def test_a_file_that_is_not_there(tmp_path):
    for name in ("w.pt", "w.ckpt", "w.safetensors"):
        with pytest.raises(FileError, match=f"{name} could not be read: No such file"):
            network().load(tmp_path / name)


def test_nothing_that_belongs_to_the_network(tmp_path):
    torch.save({"other.weight": torch.ones(3)}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"No weight in w\.pt belongs to the network.*into=.encoder"):
        network().load(tmp_path / "w.pt", strict=False)


def test_a_foreign_file_does_not_say_which_model_it_is_of(tmp_path):
    torch.save(network().module.state_dict(), tmp_path / "w.pt")
    with pytest.raises(FileError, match=r"does not say which model.*zoo\.create"):
        wb.zoo.load(tmp_path / "w.pt")


def test_a_mindspore_checkpoint_without_mindspore(tmp_path, monkeypatch):
    (tmp_path / "w.ckpt").write_bytes(b"\n\x10\n\x01w")
    monkeypatch.setattr("workbench.frameworks.mindspore.MindSporeFramework.installed", classmethod(lambda cls: False))
    with pytest.raises(MissingExtraError, match=r"w\.ckpt.*medical-workbench\[mindspore\]"):
        network().load(tmp_path / "w.ckpt")


# ---- MindSpore -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mindspore():
    pytest.importorskip("mindspore")
    from workbench.frameworks.mindspore import _runtime

    return _runtime.load()


@pytest.mark.mindspore
@pytest.mark.parametrize("prefix", ["", "network."])
def test_a_mindspore_checkpoint_with_the_names_of_its_own_layers(mindspore, prefix, tmp_path):
    nn = mindspore.nn

    class Theirs(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 2, 3, has_bias=True, pad_mode="pad", padding=1)
            self.bn1 = nn.BatchNorm2d(2)
            self.words = nn.Embedding(5, 3)
            self.fc = nn.Dense(2, 4)

    theirs = Theirs()
    noise = np.random.default_rng(0)
    for parameter in theirs.get_parameters():
        parameter.set_data(mindspore.Tensor(noise.uniform(0.1, 1, parameter.shape).astype(np.float32)))
    listed = [{"name": prefix + p.name, "data": p} for p in theirs.get_parameters()]
    mindspore.save_checkpoint(listed, str(tmp_path / "theirs.ckpt"))

    ours = torch.nn.ModuleDict(
        {
            "conv1": torch.nn.Conv2d(1, 2, 3, padding=1),
            "bn1": torch.nn.BatchNorm2d(2),
            "words": torch.nn.Embedding(5, 3),
            "fc": torch.nn.Linear(2, 4),
        }
    )
    tensors = checkpoints.load(tmp_path / "theirs.ckpt", ours.state_dict())
    report = get("torch").load_state(ours, tensors)
    assert report.complete
    assert np.array_equal(ours["bn1"].running_var.numpy(), theirs.bn1.moving_variance.asnumpy())
    assert np.array_equal(ours["bn1"].weight.detach().numpy(), theirs.bn1.gamma.asnumpy())
    assert np.array_equal(ours["words"].weight.detach().numpy(), theirs.words.embedding_table.asnumpy())
    image = noise.normal(size=(2, 1, 5, 5)).astype(np.float32)
    wanted = theirs.bn1.set_train(False)(theirs.conv1(mindspore.Tensor(image))).asnumpy()
    ours.eval()
    with torch.no_grad():
        got = ours["bn1"](ours["conv1"](torch.from_numpy(image))).numpy()
    assert np.allclose(got, wanted, atol=1e-4)


@pytest.mark.mindspore
def test_a_parameter_that_the_network_calls_gamma_keeps_its_name(mindspore, tmp_path):
    values = [{"name": "scale.gamma", "data": mindspore.Tensor(np.ones(2, np.float32))}]
    mindspore.save_checkpoint(values, str(tmp_path / "w.ckpt"))
    assert list(checkpoints.load(tmp_path / "w.ckpt", ["scale.gamma"])) == ["scale.gamma"]
    assert list(checkpoints.load(tmp_path / "w.ckpt", ["scale.weight"])) == ["scale.weight"]


@pytest.mark.mindspore
def test_a_mindspore_checkpoint_of_the_same_network(mindspore, tmp_path):
    theirs, ours = network(1), network(2)
    cell = wb.zoo.create("covid-resnet", framework="mindspore", **TINY)
    cell.load(theirs.save(tmp_path / "w.safetensors"))
    mindspore.save_checkpoint(cell.module, str(tmp_path / "w.ckpt"), append_dict={"epoch": 3})
    report = ours.load(tmp_path / "w.ckpt", strict=False)
    assert not report.missing
    assert not report.mismatched
    assert same(ours, theirs)


@pytest.mark.mindspore
@pytest.mark.parametrize("damage", ["cut short", "no checkpoint", "empty"])
def test_a_broken_mindspore_checkpoint(mindspore, damage, tmp_path):
    path = tmp_path / "w.ckpt"
    mindspore.save_checkpoint(mindspore.nn.Dense(64, 64), str(path))
    content = {"cut short": path.read_bytes()[:1000], "no checkpoint": b"hello " * 50, "empty": b""}
    path.chmod(0o600)
    path.write_bytes(content[damage])
    with pytest.raises(FileError, match=r"w\.ckpt is cut short or not a MindSpore checkpoint.*again"):
        network().load(path)


def test_the_workbenchs_own_file_needs_no_other_reader(tmp_path):
    path = weights.save(tmp_path / "w.anything", {"a": np.ones(2, np.float32)})
    assert checkpoints.kind(path) == "safetensors"
    assert list(checkpoints.load(path, ["a"])) == ["a"]
