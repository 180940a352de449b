"""Whether other methods say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.explain.checkers._ranks import rank_correlation, top_overlap
from workbench.work import Work


class Agreement(Check):
    """Mean rank correlation with the other maps of the same input."""

    name = "agreement"
    title = "Do other methods say the same?"
    summary = "mean rank correlation with the other maps of the same input"
    reference = "Krishna et al. 2024, The Disagreement Problem in Explainable Machine Learning, section 4"
    needs_others = True
    limits = Limits("at least", 0.6, 0.3)
    order = 40

    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:  # noqa: ARG002
        others = [np.asarray(one.data, np.float64) for one in subject.others]
        found = [rank_correlation(subject.values, other) for other in others]
        known = [one for one in found if np.isfinite(one)]
        if not known:
            return Finding(float("nan"), "open", "A map that is the same everywhere agrees with nothing.")
        value = float(np.mean(known))
        overlap = float(np.mean([top_overlap(subject.values, other) for other in others]))
        verdict = self.limits.verdict(value)
        ends = {
            "good": "the methods tell the same story.",
            "doubtful": "the methods agree in part; look where they do not.",
            "bad": "the methods contradict one another, so at most one of them is right.",
        }
        words = (
            f"The rank correlation with the other maps is {value:.2f}, and of the highest 5 % {overlap:.0%} are common"
        )
        return Finding(value, verdict, f"{words}: {ends[verdict]}")
