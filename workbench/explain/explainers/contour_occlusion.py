"""Occlusion by contours: hide one superpixel, supervoxel or labelled part after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem, Step
from workbench.explain.baselines import BASELINE, BLUR, find_baseline
from workbench.explain.explainers._segments import SEGMENTS, SegmentExplainer, count_option, segments_of
from workbench.parameters import Parameter, by_name


class ContourOcclusion(SegmentExplainer):
    """*Unoccluded score minus occluded score* of each part, at all of its voxels.

    Where blocks cut through organs, parts follow their contours: superpixels (in 3D supervoxels) of the input, or the
    labels of a Volume on any grid.
    """

    name = "contour-occlusion"
    title = "Contour occlusion"
    summary = "how much the score drops when a superpixel or a labelled part is hidden"
    reference = "Zeiler and Fergus 2014, section 4.2, with the segments of Achanta et al. 2012, SLIC, or given labels"
    order = 19
    end_to_end = True
    forward_only = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        SEGMENTS,
        count_option(100),
        BASELINE,
        BLUR,
        Parameter("batch_size", "integer", None, "Parts per pass; measured on the device if not given.", low=1),
    )

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"count": 24}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 1 + self.expected(options)

    def steps(self, problem: Problem) -> Iterator[Step]:
        image = problem.input[0]
        labels, count = segments_of(problem)
        unoccluded = problem.unchanged
        found = find_baseline(problem, problem.options, unoccluded)

        def build(part: range) -> Array:
            return np.stack([np.where(labels == index + 1, found.image, image) for index in part])

        drops = np.zeros(count + 1)  # the first is that of voxels that belong to no part
        for part, occluded in problem.feeder.map(count, build, problem.scores):
            drops[part.start + 1 : part.stop + 1] = unoccluded - occluded.astype(np.float64)
            if part.stop < count:
                yield Step(part.stop / count, lambda: drops[labels], problem.spatial_shape)
        yield Step(1.0, lambda: drops[labels], problem.spatial_shape, found.notes, baseline_score=found.score)
