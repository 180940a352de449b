"""What every algorithm of the zoo promises; the tests of each one inherit it, and so may those of other packages.

- The card is complete, its parameter counts are those of the network, its default options build.
- The network runs on every framework. From one weights file, all outputs agree to 1e-4, and to 1e-3 of their size the
  gradient of the algorithm's own loss with respect to the input, that of a score with respect to the input, and the
  losses of the first three training steps; with kinks rounded off, the gradients of every weight in three steps, in the
  default configuration too.
- A model comes back from its file as it was: same weights, same answer, same names, same preprocessing.
- On MindSpore the network is a Cell like any other: it comes back from MindSpore's own checkpoint; in graph mode and
  from MindIR it answers as in PyNative, unless the card says that it does not compile.
- Decoding the ideal output of an annotation gives the annotation back.
- What it predicts can be explained: there is a target for it, and its saliency is finite and not zero.
- Training on one sample lowers its loss.
- Wrong sizes, channels, axes, labels and options are errors that say what would be right.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.explain import targets_in
from workbench.explain.explaining import explain
from workbench.frameworks import LinearScore, OptimizerSpec
from workbench.testing.algorithms.card import CardContract
from workbench.testing.algorithms.mindspore import MindSporeContract
from workbench.testing.algorithms.parity import ParityContract
from workbench.testing.marks import FRAMEWORKS, need
from workbench.volume import Volume


class AlgorithmContract(CardContract, ParityContract, MindSporeContract):
    """Inherit, and set `name`, `tiny` (options of the smallest network that still has all its parts) and `size`."""

    in_channels: ClassVar[int] = 2
    num_classes: ClassVar[int] = 3
    #: Spatial size of an input that the tiny network takes.
    size: ClassVar[tuple[int, ...]]

    # ---- to be answered by the tests of a kind of task -----------------------------------------------------------

    def annotation(self, seed: int) -> Any:
        """Return a valid annotation of one sample of `size`."""
        raise NotImplementedError

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> Any:
        """Return the outputs of a network that is always right, for a batch of one."""
        raise NotImplementedError

    def matches(self, prediction: Any, annotation: Any) -> bool:
        """Tell whether a decoded prediction is the annotation."""
        raise NotImplementedError

    def is_for(self, answer: Any, volume: Volume) -> bool:
        """Tell whether an answer lies on the grid of a volume."""
        return bool(answer.spatial_shape == volume.spatial_shape)

    # ---- helpers -------------------------------------------------------------------------------------------------

    def model(self, framework: str = "torch", **options: Any) -> Any:
        need(framework)
        settings = {"in_channels": self.in_channels, "num_classes": self.num_classes, **self.tiny, **options}
        return wb.zoo.create(self.name, framework=framework, **settings)

    def inputs(self, n: int = 2) -> np.ndarray:
        noise = np.random.default_rng(7).normal(size=(n, self.in_channels, *self.size))
        return noise.astype(np.float32)

    def batch_targets(self, n: int = 2) -> dict[str, np.ndarray]:
        task = wb.zoo.algorithm(self.name).task
        samples = [task.targets(self.annotation(seed), self.num_classes, self.size) for seed in range(n)]
        return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}

    def learnable_inputs(self) -> np.ndarray:
        """Return inputs that the targets of `batch_targets` can be told from."""
        return self.inputs(2)

    def main(self, outputs: Any) -> np.ndarray:
        return outputs["logits"] if isinstance(outputs, dict) else outputs

    def trainer(self, model: Any, name: str = "sgd", lr: float = 0.05) -> Any:
        spec = OptimizerSpec(name=name, lr=lr, momentum=0.9)
        return model.framework.trainer(model.module, model.task.make_loss(), spec)

    # ---- forward -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_forward(self, framework: str) -> None:
        model, inputs = self.model(framework), self.inputs(2)
        outputs = self.main(model.forward(inputs))
        assert outputs.shape[:2] == (2, self.num_classes)
        assert outputs.dtype == np.float32
        assert np.isfinite(outputs).all()
        assert np.ptp(outputs) > 0
        # samples of a batch do not see each other
        assert np.allclose(self.main(model.forward(inputs[1:])), outputs[1:], atol=1e-5)

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_seed(self, framework: str) -> None:
        first, again, other = (self.model(framework, seed=seed).weights_fingerprint() for seed in (1, 1, 2))
        assert first == again != other

    # ---- files ---------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_save_and_load(self, framework: str, tmp_path: Any) -> None:
        model = self.model(framework, classes=[f"kind {i}" for i in range(self.num_classes)], seed=5)
        model.preprocess = {**model.preprocess, "intensity": {"kind": "range"}}
        path = model.save(tmp_path / "model.safetensors")
        back = wb.zoo.load(path, framework=framework)
        assert back.weights_fingerprint() == model.weights_fingerprint()
        assert (back.classes, back.preprocess, back.config) == (model.classes, model.preprocess, model.config)
        inputs = self.inputs(1)
        assert np.array_equal(self.main(back.forward(inputs)), self.main(model.forward(inputs)))

    def test_other_number_of_classes_takes_all_but_the_head(self, tmp_path: Any) -> None:
        path = self.model(seed=1).save(tmp_path / "model.safetensors")
        more = self.model(num_classes=self.num_classes + 1, seed=2)
        with pytest.raises(InputError, match="strict=False"):
            more.load(path)
        report = more.load(path, strict=False)
        assert not report.missing
        assert report.mismatched
        assert len(report.matched) > 0.9 * len(more.state()) - len(report.mismatched)

    # ---- task ----------------------------------------------------------------------------------------------------

    def test_decoding_ideal_outputs_gives_the_annotation(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        for seed in range(5):
            annotation = self.annotation(seed)
            outputs = self.ideal_outputs(task.targets(annotation, self.num_classes, self.size))
            assert self.matches(task.decode(outputs)[0], annotation)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        self.check_ideal_loss(task.targets(self.annotation(0), self.num_classes, self.size))

    def check_ideal_loss(self, targets: dict[str, np.ndarray]) -> None:
        """Check that a network that is always right has almost no loss, and its opposite has some."""
        torch = pytest.importorskip("torch")
        loss: Any = wb.zoo.algorithm(self.name).task.make_loss()(*frameworks.get("torch").vocabulary)
        tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
        made = self.ideal_outputs(targets)
        named = made if isinstance(made, dict) else {"": made}
        ideal = {key: torch.as_tensor(value) for key, value in named.items()}
        wrong = {key: -value for key, value in ideal.items()}
        good, bad = (loss(one.get("", one), tensors)["loss"] for one in (ideal, wrong))
        assert good < 1e-2 < bad

    def test_learns_one_batch(self) -> None:
        model = self.model()
        trainer = self.trainer(model, "adamw", 3e-2)
        inputs, targets = self.learnable_inputs(), self.batch_targets(2)
        losses = [trainer.step(inputs, targets, step_seed=k, lr=3e-2)["loss"] for k in range(15)]
        assert losses[-1] < 0.7 * losses[0]

    def test_label_beyond_the_classes(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        label = self.annotation(0)
        wrong = label + 40 if np.ndim(label) else 40
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            task.targets(wrong, self.num_classes, self.size)

    # ---- layers --------------------------------------------------------------------------------------------------

    def test_default_layer_is_a_map(self) -> None:
        model = self.model()
        layer = model.default_layer()
        assert layer in [info.name for info in model.layers()]
        outputs = self.main(model.forward(self.inputs(1)))
        score = LinearScore(np.ones(outputs.shape[1:], np.float32))
        _, activation, gradient = model.framework.layer_gradient(model.module, layer, self.inputs(1), score)
        assert activation.ndim == 2 + len(self.size)
        assert activation.shape == gradient.shape
        assert np.abs(gradient).max() > 0

    # ---- explaining ----------------------------------------------------------------------------------------------

    def test_what_is_predicted_can_be_explained(self) -> None:
        model, volume = self.model(), self.volume(self.in_channels)
        targets = targets_in(model, model.predict(volume))
        assert targets
        # one of each kind: what is drawn, and what is not
        for target in {type(one): one for one in reversed(targets)}.values():
            data = explain(model, volume, "saliency", target).data
            assert np.isfinite(data).all()
            assert np.abs(data).max() > 0, f"{target} depends on nothing in the picture"

    # ---- wrong input ---------------------------------------------------------------------------------------------

    def test_wrong_channels(self) -> None:
        with pytest.raises(InputError, match=rf"was made for {self.in_channels} channels?, got 5.*in_channels=5"):
            self.model().forward(np.zeros((1, 5, *self.size), np.float32))
        with pytest.raises(InputError, match=f"in_channels={self.in_channels + 1}"):
            self.model().predict(self.volume(self.in_channels + 1))

    def test_wrong_axes(self) -> None:
        with pytest.raises(InputError, match="takes batches"):
            self.model().forward(np.zeros((self.in_channels, *self.size), np.float32))
        other = (8, 8) if len(self.size) == 3 else (8, 8, 8)
        with pytest.raises(InputError, match=f"takes {len(self.size)}D volumes"):
            self.model().predict(Volume(np.zeros(other)))

    def test_wrong_size(self) -> None:
        model = self.model()
        multiple, minimum = model.algorithm.sizes(model.config)
        if multiple == 1:
            pytest.skip("the network takes any size")
        wrong = (max(self.size[0], minimum) + 1, *self.size[1:])
        with pytest.raises(InputError, match=f"multiples of {multiple}.*got {wrong[0]} along i.*Nearest that fit"):
            model.forward(np.zeros((1, self.in_channels, *wrong), np.float32))
        # but a volume of that size is padded, and the answer is for that volume
        volume = self.volume(self.in_channels, wrong)
        assert self.is_for(model.predict(volume), volume)

    def test_unknown_option_names_the_nearest(self) -> None:
        option = next(iter(self.tiny))
        with pytest.raises(InputError, match=f"Did you mean '{option}'"):
            wb.zoo.create(self.name, **{option + "x": 1})

    def volume(self, channels: int, size: tuple[int, ...] | None = None) -> Volume:
        size = size or self.size
        data = np.random.default_rng(3).normal(size=(*size, channels)).astype(np.float32)
        affine = np.diag([-1.5, 0.75, 2.0, 1.0])
        axes = ("i", "j", "k")[: len(size)]
        return Volume(data[..., 0], affine, axes=axes) if channels == 1 else Volume(data, affine, axes=(*axes, "c"))
