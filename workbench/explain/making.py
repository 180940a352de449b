"""From what was asked to the map: the input prepared, the target resolved, the method run, its maps brought back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, StateError
from workbench.explain.activating import activated, evaluate
from workbench.explain.arrays import UNPLACED
from workbench.explain.base import Problem, Step
from workbench.explain.box import Box, inside, network_box
from workbench.explain.cases import laid
from workbench.explain.code import Call
from workbench.explain.conserving import beyond, conserved
from workbench.explain.explanation import Explanation
from workbench.explain.large.coarse import coarse_steps
from workbench.explain.large.field import Field, field_notes
from workbench.explain.large.looking import Look
from workbench.explain.large.pieces import InPieces
from workbench.explain.large.promptly import Promptly
from workbench.explain.large.receptive import receptive_field
from workbench.explain.memory import does_not_fit, fitting
from workbench.explain.registry import get
from workbench.explain.reporting import MapWork
from workbench.explain.scene import Scene
from workbench.explain.several import steps_of
from workbench.explain.targets import default_target
from workbench.frameworks.feeding import Feeder, Less
from workbench.transforms.prepared import empty
from workbench.volume import Volume

_NEARLY = 0.99  # more is not said to be done before the map is there
#: Voxels from which a single layer may take longer than whoever cancels would wait.
_LONG = 1 << 18


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
    with _interruptible(asked.model.framework, asked.model.module, work):
        work.tell(0.0)
        making = Making(asked, work)
        for step in making.steps():
            if step.fraction < 1:
                work.show(step.fraction, lambda step=step: making.restore(step))  # type: ignore[misc]
        result = making.finish(step)
    work.show(1.0, lambda: result.volume)
    return result


def _interruptible(framework: Any, network: Any, work: MapWork | None) -> AbstractContextManager[None]:
    if work is None or not work.heeded:
        return contextlib.nullcontext()
    interrupted: AbstractContextManager[None] = framework.interruptible(network, lambda: work.cancelled)
    return interrupted


class Making:
    """One explanation in the making.

    Parameters
    ----------
    asked : Request
    work : MapWork, optional
        Is told how many pieces of a large input have been looked at.
    """

    def __init__(self, asked: Asked, work: MapWork | None = None) -> None:
        model, volume = asked.model, asked.volume
        self.asked, self._work, self._looked = asked, work, 0
        self._look: Look | None = None
        self._runs: Any = model.framework
        self._activation = str(asked.options["activation"])
        self.explainer = get(asked.method)
        self.layer = asked.layer
        if self.layer is None and self.explainer.needs_layer:
            self.layer = str(model.default_layer())
        self._options = {name: value for name, value in asked.options.items() if name not in ("within", "field")}
        model.framework.check_finite(model.module)
        with self._fitting():
            self.prepared = model.prepare(volume)
            self.look = self._look = Look.at(
                model, volume, self.prepared, asked.target, self.explainer, asked.options["field"], self._tell
            )
            seen = self.look.seen
        if not self.look.at_once and self.look.field.kind == "windows" and not self.explainer.end_to_end:
            given = tuple(model.tiling(self.prepared).size)
        else:
            given = tuple(seen.spatial_shape)
        less = Less.asked(asked.options.get("precision", "float32"), model.framework, model.module)
        self.feeder = self._feeder((self._channels(), *given), less)
        if work is not None and work.heeded and math.prod(given) > _LONG:
            self._runs = Promptly(model.framework, work, end_to_end=self.explainer.end_to_end)
        scene = self._scene()
        with self._fitting():
            resolved = (asked.target if asked.target is not None else default_target(scene)).resolve(scene)
            raw = getattr(model.algorithm.task, "raw", True)
            score = activated(resolved, self._activation, raw=raw, channels=len(scene.logits))
            self._pieces = self.look.pieces(score)
            self._score = evaluate(score, scene.outputs) if self.look.at_once else None
        self.target, self.notes = resolved.target, resolved.notes
        self.grid = scene.grid
        self.is_attribution = self.explainer.is_attribution(self._options)
        self.field = self._measured(score)
        batch = seen.batch
        self.problem = Problem(
            framework=self._framework(score),
            module=model.module,
            input=batch,
            score=score,
            options=self._options,
            spacing=tuple(self.grid.spacing),
            feeder=self.feeder,
            layer=self.layer,
            box=self._box(),
            grid=self.grid,
            lay=lambda other, grid: laid(model, other, grid, self._channels()),
            field=None if self.field.kind == "whole" else self.field,
            scored=None if self._score is None else (batch, self._score),
        )

    @property
    def score(self) -> float:
        """The value of the score for the unchanged input."""
        if self._score is None:
            with self._fitting():
                self._score = self.problem.unchanged
        return self._score

    def steps(self) -> Iterator[Step]:
        """Run the method.

        Raises
        ------
        InputError
            If it yields no `Step`, or something else.
        """
        with self._fitting():
            yield from coarse_steps(self.look, self.problem, self.explainer, self._feeder)
            by_window = self.field.kind == "windows" and not self.explainer.end_to_end
            found = self._by_window() if by_window else steps_of(self.explainer, self.problem)
            step: Any = None
            for step in self._yielded(found):
                if not isinstance(step, Step):
                    raise self._no_step(type(step).__name__)
                yield step
            if step is None:
                raise self._no_step("nothing")

    def check_at_once(self, what: str) -> None:
        """Raise an InputError where the network is not given all that it needs in one piece."""
        if self._pieces:
            raise InputError(
                f"{what}: the network must be given its input in one piece, got {self.field}, part by part. Crop the "
                "volume (Volume.crop), or explain a Region of it."
            )

    def _by_window(self) -> Iterator[Step]:
        """Run the method in one window after the other; maps are added up, those of a layer blended as outputs are."""
        total = np.zeros(self.grid.spatial_shape, np.float32)
        count = len(self._pieces)
        notes: tuple[str, ...] = ()
        whole, native, scored = self.problem, (1,) * total.ndim, 0.0
        for number, piece in enumerate(self._pieces):
            image = np.ascontiguousarray(whole.input[(slice(None), slice(None), *inside(piece.box))])
            grid = empty(self.grid.grid.crop(*piece.box).affine, image.shape[2:])
            own = dataclasses.replace(
                whole, framework=self._runs, input=image, score=piece.score(), box=None, grid=grid, field=None
            )
            scored += own.unchanged
            for step in steps_of(self.explainer, own):
                if step.fraction < 1:
                    yield Step((number + step.fraction) / count, total.copy, native)
            values = np.asarray(step.make_map(), np.float32)
            share = piece.share() if self.explainer.needs_layer and piece.share is not None else np.float32(1)
            total[inside(piece.box)] += values * share
            native = tuple(
                max(1, round(n * cells / size))
                for n, cells, size in zip(total.shape, step.native_shape, image.shape[2:], strict=True)
            )
            notes = step.notes
            if number + 1 < count:
                yield Step((number + 1) / count, total.copy, native)
        self._score = scored
        yield Step(1.0, lambda: total, native, notes)

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
            if self.field.kind == "box":
                values = self._of_box(values)
            if self.is_attribution:
                source = self.asked.volume
                shares, outside = conserved(values, self.grid.grid, source.grid)
                volume = Volume(shares.astype(np.float32), source.affine, kind="scores", space=source.space)
                return volume, beyond(outside)
            restored: Volume = self.look.seen.restore(np.asarray(values, np.float32), kind="scores", order=1)
        if self.asked.box is None:
            return restored, ()
        # interpolation between the grids may have carried values over the edge of the box
        kept = inside(self.asked.box)
        data = np.zeros_like(restored.data)
        data[kept] = restored.data[kept]
        return restored.with_data(data), ()

    def _of_box(self, values: Array) -> Array:
        """Return a map of a box as it is in the map of the whole: where layers do not see all, nothing is known."""
        if self.explainer.averaged:
            values = values * np.float32(self.field.share)
        if self.explainer.in_part == "same" or not self.explainer.needs_layer:
            return values
        kept = self.field.local(self.field.inner)
        assert kept is not None
        result = np.zeros_like(values)
        result[inside(kept)] = values[inside(kept)]
        return result

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
        of_field = field_notes(self.field, self.explainer, self._activation)
        notes = (*said, *unplaced, *self.prepared.notes, *self.notes, *of_field, *step.notes, *brought)
        notes += self.feeder.notes
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
            field=self._come_to(),
            _model=model,
            _input=self.asked.volume,
        )

    # -- inside -------------------------------------------------------------------------------------------

    def _outputs(self) -> Any:
        model, batch, network = self.asked.model, self.look.seen.batch, self.feeder.network
        if self._runs is not model.framework:
            return self._runs.forward(network, batch)
        return model.forward(batch) if network is model.module else model.forward(batch, network=network)

    def _scene(self) -> Scene:
        assert self.look is not None
        try:
            return self.look.scene(lambda: self.feeder.one(self._outputs))
        except StateError:
            if not self.look.divisible or not self.explainer.end_to_end:
                raise
        # what does not fit into memory at once may do so in pieces
        self.look = self._look = self.look.in_pieces()
        return self.look.scene(self._outputs)

    def _channels(self) -> int:
        return int(self.look.seen.batch.shape[1])

    def _feeder(self, shape: tuple[int, ...], less: Less | None = None) -> Feeder:
        model = self.asked.model
        config = json.dumps(model.config, sort_keys=True, default=str)
        return Feeder(
            model.framework,
            model.module,
            shape,
            (model.framework.name, str(model.device), model.algorithm.name, config, self.explainer.name),
            size=self.asked.options.get("batch_size"),
            count=self._count(shape) if self.explainer.forward_only else None,
            guard=lambda network: _interruptible(model.framework, network, self._work),
            schedule=self.asked.schedule,
            less=less,
            refusal=lambda: does_not_fit(shape[1:], self.look.at_once and self.look.field.kind == "whole"),
        )

    def _count(self, shape: tuple[int, ...]) -> int:
        return self.explainer.passes(shape[1:], tuple(self.prepared.grid.spacing), self._options)

    def _framework(self, score: Any) -> Any:
        pieces = self._pieces
        if not pieces and self.look.divisible and self.explainer.end_to_end:
            pieces = self.look.in_pieces().pieces(score)
        if not pieces:
            return self._runs
        return InPieces(self._runs, pieces, self.look.seen.batch[0], self._piece_done)

    def _box(self) -> Box | None:
        if self.asked.box is None:
            return None
        box = self.field.local(network_box(self.asked.box, self.asked.volume, self.prepared.grid))
        if box is None:
            raise InputError(
                f"within= must reach into what the score depends on, {self.field}, got {self.asked.box}: the map is "
                "zero there. Give another part, or leave it out."
            )
        return box

    def _measured(self, score: Any) -> Field:
        field = self.look.field
        receptive = receptive_field(self.asked.model, self.prepared) if field.kind == "box" else None
        if receptive is None or receptive.local:
            return dataclasses.replace(field, parts=len(self._pieces)) if self._pieces else field
        with self._fitting():
            return dataclasses.replace(field, effect=self.look.effect(score))

    def _come_to(self) -> Field:
        """Return the field in the parts that it has been given in; some may have been too large for the memory."""
        framework = self.problem.framework
        if not isinstance(framework, InPieces):
            return self.field
        return dataclasses.replace(self.field, parts=len(framework.pieces))

    def _tell(self, fraction: float) -> None:
        """Hear how far the decision is what lies where, which comes before there is anything of a map."""
        if self._work is not None:
            self._work.tell(min(fraction, 1) / 1000)

    def _piece_done(self) -> None:
        self._looked += 1
        if self._work is None or not self._pieces:
            return
        passes = self.explainer.passes_in(self.field, self.problem.spacing, self.problem.options)
        self._work.tell(min(_NEARLY, self._looked / ((passes + 1) * len(self._pieces))))

    def _fitting(self) -> AbstractContextManager[None]:
        field: Field | None = None if self._look is None else self._look.field
        if field is None or field.kind == "whole":
            return fitting(self.asked.model.framework, self.asked.volume.spatial_shape)
        return fitting(self.asked.model.framework, field.shape, whole=False)
