"""Points of several classes, learnt as maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.evaluation.points import match_points, precision_recall_f1
from workbench.shapes import Points
from workbench.signatures import Range
from workbench.zoo.planning import CROPPED, FEW_HUNDRED, STANDARDISED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import Metrics, ShapeTask
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight, check_range, logits_of
from workbench.zoo.u_csrnet.encoding import distance_maps, impulse_maps, peaks

if TYPE_CHECKING:
    from workbench.transforms import Prepared

#: Standard deviation in pixels of the Gaussian that a point is learnt as.
SIGMA = 4.0


class PointTask(ShapeTask):
    """A map per class: at the input's resolution the largest of Gaussians of height 1, at a coarser one a density.

    The sum of a density is the number of points (CSRNet, Li et al. 2018).

    Parameters
    ----------
    threshold : float
        Lowest score of a point that is answered.
    radius : float
        A found point counts as right if it is at most so many pixels of the annotation's grid away.
    """

    kind: ClassVar[str] = "points"
    counted: ClassVar[bool] = True

    def __init__(self, threshold: float = 0.4, radius: float = 10.0) -> None:
        self.threshold = threshold
        self.radius = radius

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return the distance to the nearest point, and the number of points, for every pixel and class.

        Returns
        -------
        dict
            ``{"distance": float32 [num_classes, *shape], "count": float32 [num_classes, *shape]}``; the width of the
            Gaussians is left to the loss.
        """
        if not isinstance(annotation, Points):
            raise InputError(f"This task learns from Points, got {type(annotation).__name__}.")
        points = annotation.within(shape)
        if len(annotation):
            check_range(annotation.labels, num_classes)
        return {
            "distance": distance_maps(points, num_classes, shape),
            "count": impulse_maps(points, num_classes, shape),
        }

    def make_loss(self, *, sigma: Annotated[float, Range(above=0)] = SIGMA, emphasis: Weight = 0.1) -> MakeLoss:
        """Return the squared error of the maps: its mean over all pixels, and its mean at the points of each class.

        Without the second term a map of a rare class would stay flat; were it weighted by the pixel and not by the
        class, frequent classes would be found too often.

        Parameters
        ----------
        sigma : float
            Standard deviation of the Gaussians in pixels of the input; of the size of a cell's inside.
        emphasis : float
            Weight of the error at the points, averaged over the classes. Densities know nothing of this: their loss is
            summed over pixels and averaged over pictures, as CSRNet's.
        """
        if not sigma > 0 or emphasis < 0:
            raise InputError(f"sigma is above 0 and emphasis 0 or more, got {sigma=}, {emphasis=}.")

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def blurring(column: Any) -> Any:
                places = ops.cumsum(ops.ones_like(column), dim=0)
                kernel = ops.exp(-0.5 * ((places - ops.permute(places, (1, 0))) / sigma) ** 2)
                # each column is what one point becomes: it adds up to 1 at the border too
                return kernel / ops.sum(kernel, dim=0, keepdim=True)

            def density(count: Any) -> Any:
                along_i = blurring(count[0, 0, :, :1])
                along_j = blurring(ops.permute(count[0, 0, :1, :], (1, 0)))
                return ops.matmul(ops.matmul(along_i, count), ops.permute(along_j, (1, 0)))

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                maps, distance = logits_of(outputs), targets["distance"]
                if maps.shape[2:] == distance.shape[2:]:
                    heat = ops.exp(-0.5 * (distance / sigma) ** 2)
                    errors = (maps - heat) ** 2
                    # one point's worth is added below the line, so that a class without points is no division by 0
                    mass = ops.sum(heat, dim=(0, 2, 3)) + 2 * math.pi * sigma**2
                    at_points = ops.mean(ops.sum(heat * errors, dim=(0, 2, 3)) / mass)
                    everywhere = ops.mean(errors)
                    total = everywhere + emphasis * at_points
                    return {"loss": total, "everywhere": everywhere, "at_points": at_points}
                stride = distance.shape[2] // maps.shape[2]
                wanted = F.avg_pool2d(density(targets["count"]), stride) * stride**2
                return {"loss": ops.sum((maps - wanted) ** 2) / maps.shape[0]}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Points]:
        """Return the points of each image, in pixels of the maps, the surest first."""
        return [peaks(maps, threshold=self.threshold) for maps in logits_of(outputs)]

    def presence(self, outputs: Outputs) -> Array:
        """Return the class [n, i, j] whose map is highest at each pixel, -1 where none reaches the threshold."""
        maps = np.asarray(logits_of(outputs))
        return np.where(maps.max(axis=1) >= self.threshold, maps.argmax(axis=1), -1)

    def counts(self, outputs: Outputs) -> Array:
        """Return the sums [n, num_classes] of maps: of densities, the numbers of points."""
        return np.asarray(logits_of(outputs).sum(axis=(2, 3)))

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Points:  # noqa: ARG002
        """Return the points found, in the voxel coordinates of the volume; none lies outside it."""
        maps = logits_of(outputs)[0]
        if maps.shape[1:] == prepared.spatial_shape:
            found = self.decode(outputs)[0]
        else:
            # a point is shared out among the pixels of a density: the highest may have less than half of it
            found = peaks(maps, threshold=self.threshold / 2, reach=1)
        placed = replace(found, affine=prepared.grid_of(maps.shape[1:]).affine)
        return placed.onto(prepared.source.affine).within(prepared.source.spatial_shape)

    def metrics(self, classes: Sequence[str]) -> PointMetrics:
        """Return empty scores: ``f1``, ``precision``, ``recall``, ``count_error`` and these two by class."""
        return PointMetrics(classes, self.radius)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            f"{FEW_HUNDRED} pictures (not CSRNet's, which starts from a trained front-end)",
            epochs=30,
            batch_size=4,
            optimizer={"name": "adamw", "lr": 5e-4, "weight_decay": 1e-4},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=[256, 256],
            grad_clip=12.0,
            monitor="val/f1",
            mode="max",
        ).because(
            monitor="points found and points made up count alike",
            preprocess=STANDARDISED,
            patch_size=CROPPED,
        )


class PointMetrics(Metrics):
    """Precision, recall and F1 by one-to-one matching over all samples, and the mean error of the counts.

    Parameters
    ----------
    classes : sequence of str
    radius : float
        Farthest that a match may be, in pixels of the annotation's grid.
    """

    def __init__(self, classes: Sequence[str], radius: float) -> None:
        self.classes = tuple(classes)
        self.radius = radius
        self._hits: list[list[int]] = []
        self._found: list[list[int]] = []
        self._true: list[list[int]] = []

    def update(self, prediction: Points, truth: Points) -> None:
        """Take in the points found in one image and those that are there; they may lie on different grids."""
        placed = prediction.onto(truth.affine)
        numbers = range(len(self.classes))
        found = [placed.values[placed.labels == k] for k in numbers]
        true = [truth.values[truth.labels == k] for k in numbers]
        self._hits.append([len(match_points(f, t, self.radius)) for f, t in zip(found, true, strict=True)])
        self._found.append([len(points) for points in found])
        self._true.append([len(points) for points in true])

    def compute(self) -> dict[str, float]:
        """Return means over the classes, and ``f1/<class>`` and ``count_error/<class>``; nan where there is nothing."""
        counts = np.array([self._hits, self._found, self._true], dtype=int).reshape(3, -1, len(self.classes))
        _, found, true = counts
        scores = np.array([precision_recall_f1(*total) for total in counts.sum(axis=1).T.tolist()])
        errors = np.abs(found - true).mean(axis=0) if len(true) else np.full(len(self.classes), np.nan)
        known = np.isfinite(scores)
        means = np.where(known.any(axis=0), np.nansum(scores, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)
        return {
            "f1": float(means[2]),
            "precision": float(means[0]),
            "recall": float(means[1]),
            "count_error": float(errors.mean()),
            **{f"f1/{name}": float(score) for name, score in zip(self.classes, scores[:, 2], strict=True)},
            **{f"count_error/{name}": float(error) for name, error in zip(self.classes, errors, strict=True)},
        }


TASK = PointTask()
