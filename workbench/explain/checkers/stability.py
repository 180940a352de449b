"""Whether the map stays the same where nothing of importance changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from workbench._words import count
from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.explain.checkers._ranks import rank_correlation
from workbench.parameters import Parameter, by_name
from workbench.work import Work

_FLAT = Finding(float("nan"), "open", "The map is zero, so there is nothing that could change.")


class MaxSensitivity(Check):
    """The largest change of the map under noise too small to see, as a share of the map (Euclidean norms)."""

    name = "max-sensitivity"
    title = "Does it stay under a little noise?"
    summary = "largest change of the map under a little noise, as a share of the map; near 0 is right"
    reference = "Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, definition 3.1"
    needs_model = True
    limits = Limits("below", 0.2, 0.6)
    order = 31
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("samples", "integer", 4, "How many times noise is added.", low=1, high=1000),
        Parameter("radius", "number", 0.02, "Largest value of the noise, as a share of the input's standard deviation.",
                  above=0, high=10),
        Parameter("seed", "integer", 0, "Of the noise.", low=0),
    )  # fmt: skip

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        if not subject.values.any():
            return _FLAT
        volume = subject.request.volume
        data = np.asarray(volume.data, np.float32)
        radius = options["radius"] * float(data.std())
        rng = np.random.default_rng(options["seed"])
        asked = replace(subject.request, target=subject.explanation.target)
        changes = []
        for number in range(options["samples"]):
            noisy = volume.with_data(data + rng.uniform(-radius, radius, data.shape).astype(np.float32))
            again = replace(asked, volume=noisy).run(work=work.part(number, options["samples"]))
            changes.append(float(np.linalg.norm(again.data - subject.values) / np.linalg.norm(subject.values)))
        value = max(changes)
        verdict = self.limits.verdict(value)
        ends = {
            "good": "it stays as it is.",
            "doubtful": "look at what changes before you read details.",
            "bad": "details of this map are chance.",
        }
        words = (
            f"Noise of {options['radius']:.0%} of the contrast changes the map by up to {value:.0%}: {ends[verdict]}"
        )
        return Finding(value, verdict, words)


class Repeatability(Check):
    """Mean rank correlation of the map with those of other seeds; 1 for a method that draws nothing."""

    name = "repeatability"
    title = "Does it come out the same again?"
    summary = "mean rank correlation with the maps of other seeds; near 1 is right"
    reference = "Wilming et al. 2022, Scrutinizing XAI using linear ground-truth data, on variation of maps"
    needs_model = True
    limits = Limits("above", 0.9, 0.6)
    order = 32
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("repeats", "integer", 2, "How many times the map is made anew.", low=1, high=1000),
    )

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        if np.ptp(subject.values) == 0:
            return _FLAT
        asked = replace(subject.request, target=subject.explanation.target, schedule=())
        seed = asked.options.get("seed")
        found = []
        for number in range(options["repeats"]):
            other = {} if seed is None else {"seed": seed + 1 + number}
            again = replace(asked, options={**asked.options, **other}).run(work=work.part(number, options["repeats"]))
            found.append(rank_correlation(subject.values, np.asarray(again.data, np.float64)))
        value = float(np.mean(np.nan_to_num(found)))
        verdict = self.limits.verdict(value)
        times = count(options["repeats"], "time")
        if seed is None:
            words = f"Nothing in it is drawn; made {times} more, its rank correlation with itself is {value:.2f}."
        else:
            ends = {
                "good": "it does not depend on chance.",
                "doubtful": "take more samples.",
                "bad": "it is mostly chance: take many more samples.",
            }
            words = (
                f"Made {times} more with other seeds, its rank correlation with itself is {value:.2f}: {ends[verdict]}"
            )
        return Finding(value, verdict, words)
