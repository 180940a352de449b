"""From what was asked to the map: the input prepared, the target resolved, the method run, its maps brought back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workbench.errors import InputError, StateError
from workbench.explain.arrays import UNPLACED
from workbench.explain.base import Problem, Step
from workbench.explain.box import Box, inside, network_box
from workbench.explain.cases import laid
from workbench.explain.code import Call
from workbench.explain.conserving import conserved
from workbench.explain.explanation import Explanation
from workbench.explain.memory import does_not_fit, fitting
from workbench.explain.registry import get
from workbench.explain.reporting import MapWork
from workbench.explain.scene import Scene
from workbench.explain.several import steps_of
from workbench.explain.targets import Resolved, default_target
from workbench.frameworks.feeding import Feeder
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.frameworks import LinearScore


#: Share of an attribution beyond the volume that is told; the two grids may differ by half a voxel at each side.
_BEYOND = 0.02


class Asked(Call, Protocol):
    """What a map is asked by, checked: a `Request`, which stands above this module."""

    @property
    def model(self) -> Any: ...
    @property
    def volume(self) -> Volume: ...
    @property
    def box(self) -> Box | None: ...
    @property
    def schedule(self) -> Sequence[Sequence[Any]]: ...


def make(asked: Asked, work: MapWork) -> Explanation:
    """Make the map that is asked for.

    Raises
    ------
    Cancelled, StateError, InputError
        As `workbench.explain` says.
    """
    work.check()
    with _interruptible(asked.model, work):
        making = Making(asked)
        work.tell(0.0)
        for step in making.steps():
            if step.fraction < 1:
                work.show(step.fraction, lambda step=step: making.restore(step))  # type: ignore[misc]
        result = making.finish(step)
    work.show(1.0, lambda: result.volume)
    return result


def _interruptible(model: Any, work: MapWork) -> AbstractContextManager[None]:
    if not work.heeded:
        return contextlib.nullcontext()
    interrupted: AbstractContextManager[None] = model.framework.interruptible(model.module, lambda: work.cancelled)
    return interrupted


class Making:
    """One explanation in the making."""

    def __init__(self, asked: Asked) -> None:
        model, volume = asked.model, asked.volume
        self.asked = asked
        self.explainer = get(asked.method)
        self.layer = asked.layer
        if self.layer is None and self.explainer.needs_layer:
            self.layer = str(model.default_layer())
        options = {name: value for name, value in asked.options.items() if name != "within"}

        model.framework.check_finite(model.module)
        with self._fitting():
            self.prepared = model.prepare(volume)
        config = json.dumps(model.config, sort_keys=True, default=str)
        self.feeder = Feeder(
            model.framework,
            model.module,
            tuple(self.prepared.array.shape),
            (model.framework.name, str(model.device), model.algorithm.name, config, self.explainer.name),
            size=options.get("batch_size"),
            schedule=asked.schedule,
            refusal=lambda: does_not_fit(self.prepared.spatial_shape),
        )
        outputs = self.feeder.once(lambda: model.forward(self.prepared.batch))
        with self._fitting():
            scene = Scene(model, volume, self.prepared, outputs)
            resolved = (asked.target if asked.target is not None else default_target(scene)).resolve(scene)
            score = _activated(resolved, options["activation"], raw=getattr(model.algorithm.task, "raw", True))
            self.score = evaluate(score, scene.outputs)
        self.target, self.notes = resolved.target, resolved.notes
        self.grid = scene.grid
        self.is_attribution = self.explainer.is_attribution(options)
        self.problem = Problem(
            framework=model.framework,
            module=model.module,
            input=self.prepared.batch,
            score=score,
            options=options,
            spacing=tuple(self.grid.spacing),
            feeder=self.feeder,
            layer=self.layer,
            box=None if asked.box is None else network_box(asked.box, volume, self.grid),
            grid=self.grid,
            lay=lambda other: laid(model, other, self.grid, self.prepared.batch.shape[1]),
        )

    def steps(self) -> Iterator[Step]:
        """Run the method.

        Raises
        ------
        InputError
            If it yields no `Step`, or something else.
        """
        with self._fitting():
            step: Any = None
            for step in self._yielded(steps_of(self.explainer, self.problem)):
                if not isinstance(step, Step):
                    raise self._no_step(type(step).__name__)
                yield step
            if step is None:
                raise self._no_step("nothing")

    def _yielded(self, steps: Any) -> Iterator[Any]:
        if not isinstance(steps, Iterable):
            raise self._no_step(f"{type(steps).__name__} instead of a generator")
        return iter(steps)

    def _no_step(self, got: str) -> InputError:
        return InputError(
            f"The method {self.explainer.name!r}: steps must yield a Step at least once, got {got}. "
            "Yield Step(1.0, lambda: map, map.shape)."
        )

    def restore(self, step: Step) -> Volume:
        """Return the map of a step on the grid of the volume."""
        return self._restored(step)[0]

    def _restored(self, step: Step) -> tuple[Volume, tuple[str, ...]]:
        """Return the map of a step on the grid of the volume, and what is to be known of that."""
        with self._fitting():
            values = step.make_map()
            if self.is_attribution:
                source = self.asked.volume
                shares, outside = conserved(values, self.grid.grid, source.grid)
                volume = Volume(shares.astype(np.float32), source.affine, kind="scores", space=source.space)
                return volume, _beyond(outside)
            restored: Volume = self.prepared.restore(np.asarray(values, np.float32), kind="scores", order=1)
        if self.asked.box is None:
            return restored, ()
        # interpolation between the grids may have carried values over the edge of the box
        kept = inside(self.asked.box)
        data = np.zeros_like(restored.data)
        data[kept] = restored.data[kept]
        return restored.with_data(data), ()

    def finish(self, step: Step) -> Explanation:
        """Return the map of a step with all that made it."""
        from workbench import __version__

        model = self.asked.model
        shapes = zip(self.grid.spatial_shape, step.native_shape, strict=True)
        cells = step.cell or tuple(size / cells for size, cells in shapes)
        volume, brought = self._restored(step)
        if not np.isfinite(volume.data).all():
            raise StateError(
                f"{self.explainer.title} needs finite numbers on its way, but gave a map with NaN or infinity, as "
                "happens in half precision, which ends at 65504. Bring the network to float32 or bfloat16 "
                "(module.float(), module.bfloat16()), or take another method."
            )
        said = getattr(model.algorithm, "notes", ())
        unplaced = (UNPLACED,) if UNPLACED in self.asked.volume.notes else ()
        notes = (*said, *unplaced, *self.prepared.notes, *self.notes, *step.notes, *brought)
        if not np.any(volume.data) and (not step.notes or step.baseline_score == self.score):
            notes += ("The map is zero: nothing that was changed in the input changes this score.",)
        return Explanation(
            volume=volume,
            method=self.explainer.name,
            layer=self.layer,
            target=self.target,
            options=dict(self.asked.options),
            score=self.score,
            baseline_score=step.baseline_score,
            conserved=self.is_attribution,
            standard_error=step.standard_error,
            native_resolution=step.native_shape,
            native_spacing=tuple(round(a * b, 6) for a, b in zip(cells, self.grid.spacing, strict=True)),
            weights_fingerprint=model.weights_fingerprint(),
            input_fingerprint=self.asked.volume.fingerprint(),
            algorithm=model.algorithm.name,
            framework=model.framework.name,
            device=str(model.device),
            versions={"workbench": __version__, **model.framework.versions()},
            notes=notes,
            schedule=[list(entry) for entry in self.feeder.schedule],
            _model=model,
            _input=self.asked.volume,
        )

    def _fitting(self) -> AbstractContextManager[None]:
        return fitting(self.asked.model.framework, self.asked.volume.spatial_shape)


def _beyond(share: float) -> tuple[str, ...]:
    """Return a note where some of an attribution lies on what the network saw around the volume."""
    if share < _BEYOND:
        return ()
    note = (
        f"{share:.0%} of the contributions lie in what was added around the volume for the network; they are counted "
        "at the volume's outermost voxels."
    )
    return (note,)


def _activated(resolved: Resolved, activation: str, *, raw: bool) -> LinearScore:
    """Return the score with the activation that was asked for; `raw` is whether one is to be had of the output."""
    if activation == "none":
        return resolved.score
    if resolved.has_probability and raw:
        return dataclasses.replace(resolved.score, activation=activation)  # type: ignore[arg-type]
    what = "which is no score of classes" if raw else "for the network's output is none that a probability is made of"
    raise InputError(
        f"activation must be 'none' to explain {resolved.target}, {what}, got {activation!r}. Leave it out."
    )


def evaluate(score: LinearScore, outputs: Any) -> float:
    """Return the value of a score for the outputs of one sample."""
    values = np.asarray(outputs if score.output is None else outputs[score.output], np.float64)[0]
    if score.activation == "softmax":
        values = np.exp(values - values.max(axis=0))
        values /= values.sum(axis=0)
    elif score.activation == "sigmoid":
        values = 1 / (1 + np.exp(-values))
    return float((values * score.weights).sum()) + sum(evaluate(other, outputs) for other in score.plus)
