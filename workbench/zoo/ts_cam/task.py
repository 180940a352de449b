"""Localisation by the coupled attention map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.tasks import ClassificationTask, LocalisationTask
from workbench.zoo.tasks.base import ClassWeights, LabelSmoothing, MakeLoss, Outputs, softmax


class CoupledAttentionTask(LocalisationTask):
    """Cross entropy of the class of the picture; the map couples attention and semantics (Gao et al. 2021, eq. 6)."""

    whole: ClassVar[bool] = True

    def make_loss(self, *, label_smoothing: LabelSmoothing = 0.0, class_weights: ClassWeights = None) -> MakeLoss:
        """Return the cross entropy of the logits, as for classification.

        Parameters
        ----------
        label_smoothing : float
            Share of the target that is spread evenly over all classes.
        class_weights : sequence of float, optional
            Weight of each class.
        """
        return ClassificationTask().make_loss(label_smoothing=label_smoothing, class_weights=class_weights)

    def score_map(self, outputs: Outputs) -> Array:
        """Return the coupled map of the likeliest class but the first [n, i / patch, j / patch], float32, 0 or more.

        It is the attention to a patch, relative to that to an average one, times the probability of the class there
        (the softmax of the semantic maps): a patch that is attended to as much as others, and certainly shows the
        class, has 1. The map is not stretched to 0..1 in each picture: one with nothing to find would then have its
        brightest spot like any other.

        Parameters
        ----------
        outputs : dict
            ``logits`` [n, num_classes], ``semantic`` [n, num_classes, gi, gj], ``attention`` [n, gi, gj].

        Raises
        ------
        InputError
            If the outputs are not those of this network.
        """
        if not isinstance(outputs, Mapping) or not {"logits", "semantic", "attention"} <= set(outputs):
            raise InputError(
                "The coupled attention map is made of the outputs 'logits', 'semantic' and 'attention', got "
                f"{sorted(outputs) if isinstance(outputs, Mapping) else type(outputs).__name__}."
            )
        logits, attention = outputs["logits"], outputs["attention"]
        first = min(1, logits.shape[1] - 1)
        chosen = first + logits[:, first:].argmax(axis=1)
        there = softmax(outputs["semantic"])[np.arange(len(chosen)), chosen]
        average = attention.mean(axis=(1, 2), keepdims=True)
        return np.asarray(there * attention / np.where(average > 0, average, 1), np.float32)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            "for sets of some thousand pictures, trained from scratch",
            epochs=60,
            batch_size=32,
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 0.05},
            schedule={"name": "cosine", "warmup_epochs": 5},
            preprocess={"orientation": "IPL", "intensity": {"kind": "range", "out": [-1.0, 1.0]}},
            grad_clip=1.0,
        ).because(preprocess="stretched, not standardised: a standard deviation would tell of a lesion in every pixel")


TASK = CoupledAttentionTask(threshold=1.0)
