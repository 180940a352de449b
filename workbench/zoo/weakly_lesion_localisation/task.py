"""Lesions are where a picture differs from its normal self."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks import Players
from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.tasks import LocalisationTask
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight
from workbench.zoo.weakly_lesion_localisation.loss import check_weights, make_contest
from workbench.zoo.weakly_lesion_localisation.network import THRESHOLD


class LesionTask(LocalisationTask):
    """Learns from normal pictures (class 0) and pictures with a lesion (all other classes)."""

    windowed: ClassVar[bool] = True
    background: ClassVar[bool] = True

    def make_loss(
        self,
        *,
        penalty: Weight = 10.0,
        critic: Weight = 0.01,
        adversarial: Weight = 0.01,
        reconstruction: Weight = 200.0,
        total_variation: Weight = 0.0,
    ) -> MakeLoss:
        """Return the losses of the critic and of the generator, who play against each other.

        Parameters
        ----------
        penalty, critic, adversarial, reconstruction, total_variation : float
            Weights of the terms, see `make_contest`; those of the reference code (l, s, a, g, tv) by default.
        """
        weights = {
            "penalty": penalty,
            "critic": critic,
            "adversarial": adversarial,
            "reconstruction": reconstruction,
            "total_variation": total_variation,
        }
        check_weights(**weights)

        def define(nn: Any, F: Any, ops: Any) -> Players:
            return make_contest(nn, F, ops, **weights)

        return define

    def score_map(self, outputs: Outputs) -> Array:
        """Return how far each pixel lies from its normal self [n, i, j], 0 (not) to 1 (from black to white)."""
        if not isinstance(outputs, Mapping):
            raise InputError("The outputs of weakly-lesion-localisation are named, 'difference' among them.")
        return np.asarray(outputs["difference"][:, 0])

    def explainable(self, answer: Any, classes: Sequence[str]) -> list[tuple[str, Any]]:
        """Return the map of differences, which is what is drawn, and the classes."""
        return [("output", ("difference", 0, None)), *super().explainable(answer, classes)]

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            "as the reference code, with fewer epochs: pairs of four, Adam with a short memory",
            batch_size=8,
            optimizer={"name": "adam", "lr": 2e-4, "betas": [0.5, 0.9]},
            schedule={"name": "constant"},
            augment={},
            preprocess={"orientation": "IPL", "intensity": {"kind": "range", "out": [-1.0, 1.0]}},
        )


TASK = LesionTask(THRESHOLD)
