"""What a network of the zoo promises to users of MindSpore; a part of the contract of every algorithm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.testing.marks import needs_mindspore, slow


class MindSporeContract:
    """The Cell saves and loads MindSpore's own way, and runs in graph mode and from MindIR as in PyNative."""

    name: ClassVar[str]

    def model(self, framework: str = "torch", **options: Any) -> Any:
        raise NotImplementedError

    def inputs(self, n: int = 2) -> np.ndarray:
        raise NotImplementedError

    def main(self, outputs: Any) -> np.ndarray:
        raise NotImplementedError

    @needs_mindspore
    def test_mindspores_own_checkpoint(self, tmp_path: Any) -> None:
        model, ours, theirs = (self.model("mindspore", seed=seed) for seed in (1, 2, 3))
        import mindspore

        path, inputs = tmp_path / "own.ckpt", self.inputs(1)
        mindspore.save_checkpoint(model.module, str(path))
        assert ours.load(path).complete
        unread, unheard = mindspore.load_param_into_net(theirs.module, mindspore.load_checkpoint(str(path)))
        assert not unread
        assert not unheard
        wanted = self.main(model.forward(inputs))
        for back in (ours, theirs):
            assert back.weights_fingerprint() == model.weights_fingerprint()
            assert np.array_equal(self.main(back.forward(inputs)), wanted)

    @slow
    @needs_mindspore
    def test_graph_mode_and_mindir(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        if not wb.zoo.card(self.name).graph_mode:
            pytest.skip(next(note for note in wb.zoo.card(self.name).notes if "graph mode" in note))
        monkeypatch.chdir(tmp_path)  # the compiler leaves folders where it runs
        model = self.model("mindspore", seed=1)
        import mindspore

        array = self.inputs(2)
        wanted = model.forward(array)
        inputs = mindspore.Tensor(array)
        compiled = mindspore.jit(model.module)(inputs)
        mindspore.export(model.module, inputs, file_name="network", file_format="MINDIR")
        exported = mindspore.nn.GraphCell(mindspore.load("network.mindir"))(inputs)
        if isinstance(wanted, dict):
            assert list(compiled) == list(wanted)
            exported = dict(zip(wanted, exported, strict=True))
        for got in (compiled, exported):
            for name in wanted if isinstance(wanted, dict) else [None]:
                one, other = (value if name is None else value[name] for value in (wanted, got))
                assert one.shape == other.shape
                assert np.abs(one - other.asnumpy()).max() <= 1e-4, name
