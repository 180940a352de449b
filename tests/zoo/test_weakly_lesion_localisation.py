"""The generator and the critic that separate lesions from what is normal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from tests.zoo.golden import filled, test_input
from workbench import frameworks
from workbench.errors import InputError
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.marks import FRAMEWORKS, need
from workbench.volume import Volume
from workbench.zoo.weakly_lesion_localisation.loss import chosen, edge_weights, variation

NAME = "weakly-lesion-localisation"


class LesionContract(AlgorithmContract):
    name = NAME
    in_channels = 1
    size = (16, 24)
    # the loss adds up the absolute values of a map, whose signs change where a step is large
    parity_lr = 1e-5

    def annotation(self, seed: int) -> dict[str, Any]:
        return {"class": seed % self.num_classes, "mask": None}

    def inputs(self, n: int = 2) -> np.ndarray:
        return np.tanh(super().inputs(n))

    def learnable_inputs(self) -> np.ndarray:
        # flat pictures with a spot in the second: so narrow a network cannot draw noise
        pictures = np.full((2, self.in_channels, *self.size), 0.5, np.float32) + 0.02 * self.inputs(2)
        pictures[1, :, 3:7, 4:9] += 0.3
        return pictures

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = np.zeros((1, 1, *self.size), np.float32)
        found[0, 0, 3:7, 4:9] = float(targets["label"] > 0)
        logits = np.concatenate([-found, *[found] * (self.num_classes - 1)], axis=1)
        return {"logits": logits, "difference": found, "normal": -found, "lesion": found}

    def matches(self, prediction: np.ndarray, annotation: dict[str, Any]) -> bool:
        assert prediction.shape == self.size
        return bool(prediction.max() > 0) == (annotation["class"] > 0)

    def is_for(self, answer: Volume, volume: Volume) -> bool:
        return answer.same_grid(volume) and answer.kind == "scores"

    def test_other_number_of_classes_takes_all_but_the_head(self, tmp_path: Any) -> None:
        # there is no head for the classes: they are normal and all the others
        path = self.model(seed=1).save(tmp_path / "model.safetensors")
        assert self.model(num_classes=self.num_classes + 1, seed=2).load(path).complete

    def test_label_beyond_the_classes(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            task.targets({"class": 40}, self.num_classes, self.size)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        """A generator that takes lesions off without a trace, and a critic that cannot tell, lose nothing."""
        loss = wb.zoo.algorithm(self.name).task.make_loss()(*frameworks.get("torch").vocabulary).loss
        clean = torch.full((2, 1, *self.size), 0.25)
        lesion = torch.zeros_like(clean)
        lesion[0, 0, 3:7, 4:9] = 0.5
        targets = {"label": torch.tensor([1, 0])}
        good = loss(Perfect(lesion[:1], 1.0), clean + lesion, targets, "generator", 0)
        bad = loss(Perfect(lesion[:1], 0.0), clean + lesion, targets, "generator", 0)
        assert good["loss"].item() == pytest.approx(0, abs=1e-5)
        assert bad["loss"].item() > 1


class Perfect:
    """Takes a share of a known lesion off the first of two pictures, but adds none; its critic likes all the same."""

    def __init__(self, lesion: torch.Tensor, share: float) -> None:
        self.lesion, self.share = lesion, share

    def generator(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        lesion = torch.cat([self.lesion, torch.zeros_like(self.lesion)])
        return {"normal": pictures - lesion, "lesion": self.share * lesion}

    def discriminator(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pictures), 1)


class Halves:
    """Takes a half for normal and a quarter for the lesion; its critic adds up pixels by their weight."""

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights

    def generator(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"normal": pictures / 2, "lesion": pictures / 4}

    def discriminator(self, pictures: torch.Tensor) -> torch.Tensor:
        return (pictures * self.weights).sum(dim=(1, 2, 3)).reshape(-1, 1)


def test_terms_by_hand() -> None:
    rng = np.random.default_rng(0)
    lesion, normal = rng.uniform(-1, 1, (2, 1, 1, 6, 5)).astype(np.float32)
    weights = rng.normal(size=(6, 5)).astype(np.float32)
    network, targets = Halves(torch.tensor(weights)), {"label": torch.tensor([0, 1])}
    pictures = torch.tensor(np.concatenate([normal, lesion]))
    loss = wb.zoo.algorithm(NAME).task.make_loss()(*frameworks.get("torch").vocabulary).loss

    critic = {name: float(value) for name, value in loss(network, pictures, targets, "discriminator", 0).items()}
    distance = float((normal * weights).sum() - (lesion / 2 * weights).sum())
    penalty = (np.linalg.norm(weights) - 1) ** 2
    assert critic["wasserstein"] == pytest.approx(distance, rel=1e-4)
    assert critic["gradient_penalty"] == pytest.approx(penalty, rel=1e-4)
    assert critic["loss"] == pytest.approx(0.01 * (10 * penalty - distance), rel=1e-4)

    both = {name: float(value) for name, value in loss(network, pictures, targets, "generator", 0).items()}
    edges = edge_weights(torch.nn.functional, torch, pictures).numpy()
    kept = (edges[0] * np.abs(normal) * (1 / 4 + 1 / 2)).mean() + (edges[1] * np.abs(lesion) / 4).mean()
    fooled = float((lesion / 2 * weights).sum())
    assert both["reconstruction"] == pytest.approx(kept, rel=1e-4)
    assert both["loss"] == pytest.approx(200 * kept - 0.01 * fooled, rel=1e-4)


def test_the_critic_sees_both_sides_in_one_batch() -> None:
    """A critic that takes away the mean of its batch, as a normalisation does, can still tell the sides apart."""

    class Centred(Halves):
        def discriminator(self, pictures: torch.Tensor) -> torch.Tensor:
            scores = super().discriminator(pictures)
            return scores - scores.mean()

    network, targets = Centred(torch.ones(6, 5)), {"label": torch.tensor([0, 1])}
    pictures = torch.stack([torch.full((1, 6, 5), 0.25), torch.full((1, 6, 5), 0.75)])
    loss = wb.zoo.algorithm(NAME).task.make_loss()(*frameworks.get("torch").vocabulary).loss
    # thirty pixels of 0.25 in the normal picture, of 0.75 / 2 in the one made of the lesion
    real, made = 30 * 0.25, 30 * 0.75 / 2
    critic = loss(network, pictures, targets, "discriminator", 0)
    assert float(critic["wasserstein"]) == pytest.approx(real - made)
    generator = loss(network, pictures, targets, "generator", 0)
    assert float(generator["adversarial"]) == pytest.approx((real - made) / 2)


class TestTwoDecoders(ParityByDefault, LesionContract):
    tiny = {"width": 2, "depth": 3, "critic_depth": 3}
    default_size = (64, 64)

    def test_only_the_critic_and_the_generator_own_weights(self) -> None:
        model = self.model()
        begins = {name.split(".")[0] for name in model.framework.parameter_names(model.module)}
        assert begins == {"generator", "discriminator"}

    def test_outputs(self) -> None:
        model, inputs = self.model(), self.inputs(2)
        outputs = model.forward(inputs)
        assert np.allclose(outputs["difference"], np.abs(inputs - outputs["normal"]) / 2, atol=1e-6)
        assert np.allclose(outputs["logits"][:, 1:], outputs["difference"] - 40 / 255, atol=1e-6)
        assert np.allclose(outputs["logits"][:, 0], -outputs["logits"][:, 1], atol=1e-6)
        assert np.abs(outputs["lesion"] - outputs["normal"]).max() > 1e-3
        assert max(np.abs(outputs[name]).max() for name in ("normal", "lesion")) <= 1

    def test_prediction_is_the_difference_on_the_volume(self) -> None:
        model = self.model()
        volume = self.volume(1, (16, 24))
        scores = model.predict(volume)
        prepared = model.prepare(volume)
        wanted = prepared.restore(model.forward(prepared.batch)["difference"][0, 0], kind="scores")
        assert np.allclose(scores.data, wanted.data, atol=1e-6)
        assert scores.data.min() >= 0

    def test_one_class_is_too_few(self) -> None:
        with pytest.raises(InputError, match="num_classes is at least 2, got 1"):
            self.model(num_classes=1)

    @pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
    def test_a_batch_of_one_kind_teaches_the_critic_nothing(self, labels: list[int]) -> None:
        model = self.model()
        before = model.state()
        terms = self.trainer(model, lr=1e-3).step(self.inputs(3), {"label": np.array(labels)}, step_seed=0, lr=1e-3)
        after = model.state()
        moved = {n for n in model.framework.parameter_names(model.module) if not np.array_equal(before[n], after[n])}
        assert terms["discriminator"] == 0
        assert terms["reconstruction"] > 0
        assert {name.split(".")[0] for name in moved} == {"generator"}

    def test_losses_say_what_is_wrong(self) -> None:
        with pytest.raises(InputError, match="critic=-1"):
            wb.zoo.algorithm(NAME).task.make_loss(critic=-1)


class TestSharedDecoder(LesionContract):
    tiny = {"width": 2, "depth": 2, "critic_depth": 3, "shared_decoder": True}
    in_channels = 2

    def test_total_variation_is_a_term(self) -> None:
        model = self.model()
        spec = frameworks.OptimizerSpec("adam")
        trainer = model.framework.trainer(model.module, model.task.make_loss(total_variation=0.5), spec)
        terms = trainer.step(self.inputs(3), self.batch_targets(3), step_seed=0, lr=1e-3)
        expected = 200 * terms["reconstruction"] + 0.01 * terms["adversarial"] + 0.5 * terms["total_variation"]
        assert terms["loss"] == pytest.approx(expected, rel=1e-5)
        critic = 0.01 * (10 * terms["gradient_penalty"] - terms["wasserstein"])
        assert terms["discriminator"] == pytest.approx(critic, rel=1e-4)


# (part, input), parameters, output: shape, mean, mean |x|, first values, last
GENERATOR = ((1, 1, 64, 64), 0.0395687, 0.03981, (0.081678, 0.105969, 0.078684, 0.062431), -0.006937)
ORIGINALS = {
    "generator": ((1, 1, 64, 64), 34_165_058, {"normal": GENERATOR, "lesion": GENERATOR}),
    "discriminator": ((2, 1, 64, 64), 8_635_329, {"": ((2, 1), 0.066673, 0.066673, (0.0667, 0.066646), 0.066646)}),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("part", ORIGINALS)
def test_original(part: str, framework: str) -> None:
    """The released parts, filled with a pattern, give the numbers that the original implementation gave."""
    need(framework)
    shape, parameters, expected = ORIGINALS[part]
    whole = wb.zoo.create(NAME, framework, variant="released")
    module, framed = getattr(whole.module, part), whole.framework
    assert framed.num_parameters(module) == parameters
    framed.load_state(module, filled(framed.state(module), framed.parameter_names(module)))
    outputs = framed.forward(module, test_input(*shape))
    for name, output in (outputs if isinstance(outputs, dict) else {"": outputs}).items():
        size, mean, magnitude, first, last = expected[name]
        assert output.shape == size
        flat = output.reshape(-1).astype(np.float64)
        measured = [flat.mean(), np.abs(flat).mean(), *flat[: len(first)], flat[-1]]
        assert np.allclose(measured, [mean, magnitude, *first, last], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_edges_weigh_more(framework: str) -> None:
    need(framework)
    _, F, ops = frameworks.get(framework).vocabulary
    picture = np.full((1, 1, 6, 8), -1, np.float32)
    picture[..., 4:] = 1
    weights = np.asarray(edge_weights(F, ops, ops.tensor(picture)))
    # a step from black to white: gx = 1 + 2 + 1 = 4 on both sides of it, so (4 + 1)^2
    wanted = np.ones((1, 1, 6, 8))
    wanted[..., 3:5] = 25
    assert np.allclose(weights, wanted, atol=1e-4)
    corner = np.full((1, 1, 5, 5), -1, np.float32)
    corner[..., 2, 2] = 1
    weights = np.asarray(edge_weights(F, ops, ops.tensor(corner)))[0, 0]
    assert weights[2, 2] == pytest.approx(1)
    assert weights[1, 2] == pytest.approx(9)
    assert weights[1, 1] == pytest.approx((np.sqrt(2) + 1) ** 2)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_pairs(framework: str) -> None:
    need(framework)
    ops = frameworks.get(framework).vocabulary[2]

    def places(wanted: list[float], count: int) -> list[int]:
        return np.asarray(chosen(ops, ops.tensor(np.array(wanted, np.float32)), count)).tolist()

    assert places([0, 1, 1, 0, 1], 2) == [1, 2]
    assert places([0, 1, 1, 0, 1], 5) == [1, 2, 4, 1, 2]
    assert places([1, 0, 0, 0], 2) == [0, 0]
    assert places([0, 0, 0], 2) == [0, 0]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_variation(framework: str) -> None:
    need(framework)
    ops = frameworks.get(framework).vocabulary[2]
    picture = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    assert float(np.asarray(variation(ops, ops.tensor(picture)))) == pytest.approx(4 + 1)
