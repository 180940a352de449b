"""What the card of an algorithm and its recipe promise; a part of the contract of every algorithm."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np

import workbench as wb
from workbench import frameworks
from workbench.frameworks import OptimizerSpec
from workbench.transforms import Augment, Preprocess


class CardContract:
    """The card is complete, its counts are those of the network, its variants build; the recipe is plain data."""

    name: ClassVar[str]
    #: Options of the smallest network that still has all its parts.
    tiny: ClassVar[dict[str, Any]] = {}

    def test_card(self) -> None:
        card = wb.zoo.card(self.name)
        algorithm = wb.zoo.algorithm(self.name)
        assert card.name == self.name
        assert card.task == algorithm.task.kind
        assert card.paper.url.startswith("https://")
        assert card.name in str(card)
        assert self.name in repr(wb.zoo.list())
        assert len(card.summary) > 20
        for option in algorithm.options().values():
            assert option.help.endswith(".")
            assert option.check(option.default, "test") == option.default

    def test_parameter_counts_of_the_card(self) -> None:
        algorithm, torch = wb.zoo.algorithm(self.name), frameworks.get("torch")
        for entry in algorithm.card.parameters:
            config = algorithm.config(entry.in_channels, entry.num_classes, **entry.options)
            module = torch.build(algorithm.define, config)
            counted = torch.num_parameters(module)
            assert counted == entry.count, f"the card says {entry}, the network has {counted} parameters"

    def test_variants_build(self) -> None:
        for variant in wb.zoo.card(self.name).variants:
            config = wb.zoo.algorithm(self.name).config(1, 2, variant=variant, **self._small_of(variant))
            assert frameworks.get("torch").build(wb.zoo.algorithm(self.name).define, config) is not None

    def _small_of(self, variant: str) -> dict[str, Any]:
        fixed = wb.zoo.card(self.name).variants[variant]
        return {key: value for key, value in self.tiny.items() if key not in fixed or key == "width"}

    def test_scores_have_names_before_there_is_a_sample(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        scores = task.metrics(("one", "two")).compute()
        assert task.plan()["monitor"].removeprefix("val/") in scores
        assert np.isnan(list(scores.values())).all()

    def test_plan_is_plain_data_with_reasons(self) -> None:
        plan = wb.zoo.algorithm(self.name).plan()
        recipe = dict(plan)
        assert json.loads(json.dumps(recipe)) == recipe
        assert {key for key, why in plan.reasons.items() if why} == set(recipe)
        keys = {"epochs", "batch_size", "optimizer", "schedule", "augment", "preprocess", "loss", "patch_size"}
        assert set(recipe) == keys | {"grad_clip", "monitor", "mode"}
        OptimizerSpec(**recipe["optimizer"])
        Preprocess(recipe["preprocess"])
        Augment(recipe["augment"], wb.zoo.card(self.name).dimensions)
        wb.zoo.algorithm(self.name).task.make_loss(**recipe["loss"])
