"""Many inputs through a network: in batches, as fast as the device at hand allows, within its memory.

Which batch size and memory layout is fastest depends on the network, the framework's version and the device, and
differs by several times, in either direction. So it is measured, on the work itself: the first batches try the
candidates, and the winner does the rest. What was used is written down as a schedule, which a replay follows to get
the same floating point numbers.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import StateError
from workbench.frameworks._keeping import keeping_memory

if TYPE_CHECKING:
    from workbench.frameworks.base import Framework

T = TypeVar("T")

_FIRST_VOXELS = 2_000_000  # of a first batch: a second or so of work for a 3D network on two cores
_FIRST_BATCH = 8  # enough to fill the vector units and threads of a CPU
_LARGEST_BATCH = 512
_RUNS_TO_TRY = 8  # batches that there must be for each form that is tried
_WORTHWHILE = 0.97  # a change must save 3 % of the time, or it is noise
_TOLERANCE = 0.02  # of the range of the answers: what somebody sees of a map in 50 colours
_COMPARED = 8  # inputs of which the answers are compared where less precision is asked for
_tuned: dict[Hashable, Learned] = {}


class Plan(NamedTuple):
    """How many inputs go through the network at once, and how they lie in memory."""

    size: int
    layout: str


class Less(NamedTuple):
    """A form of less precision that somebody has asked for.

    Attributes
    ----------
    form : str, optional
        As `Framework.reduced` has it; None where the device has none.
    tolerance : float, optional
        By how much of their range the answers of the first inputs may change; None: by whatever they do.
    """

    form: str | None
    tolerance: float | None

    @classmethod
    def asked(cls, precision: str, framework: Framework, module: Any) -> Less | None:
        """Return what ``precision="bfloat16"`` or ``"auto"`` asks for; nothing of ``"float32"``."""
        if precision == "float32":
            return None
        return cls(framework.reduced(module), _TOLERANCE if precision == "auto" else None)


class Learned(NamedTuple):
    """What is known of a network on a device: the best plan, or what has been tried so far."""

    best: Plan | None
    runs: dict[Plan, int]
    seconds: dict[Plan, float]


class Tuner:
    """Proposes the plan of the next batch and learns from the time it took."""

    def __init__(
        self,
        layouts: Sequence[str],
        first: int,
        *,
        fixed: bool = False,
        best: Plan | None = None,
        learned: Learned | None = None,
        most: int = _LARGEST_BATCH,
    ) -> None:
        self._layouts = list(layouts)
        self._first = first if fixed else min(first, most)
        self._fixed = fixed
        self._limit = first if fixed else most
        self._best = None if best is None else Plan(min(best.size, self._limit), best.layout)
        self.ran_out_of_memory = False  # then what was learned may hold for this moment only
        # short works never come to an end of trying: they go on where the last one was
        self._runs = {} if learned is None else {p: n for p, n in learned.runs.items() if p.size <= self._limit}
        self._seconds = {} if learned is None else {p: s for p, s in learned.seconds.items() if p.size <= self._limit}
        if self._best is None and learned is not None and learned.best is not None:
            self._best = Plan(min(learned.best.size, self._limit), learned.best.layout)

    @property
    def settled(self) -> Plan | None:
        return self._best

    @property
    def learned(self) -> Learned:
        return Learned(self._best, dict(self._runs), dict(self._seconds))

    def propose(self) -> Plan:
        if self._best is None:
            candidate = self._candidate()
            if candidate is not None:
                return candidate
            self._best = min(self._seconds, key=self._seconds.__getitem__)
        return self._best

    def record(self, plan: Plan, seconds: float) -> None:
        """Take note of the time per input; the first run of a plan only warms up caches and is not counted."""
        self._runs[plan] = self._runs.get(plan, 0) + 1
        if self._runs[plan] > 1:
            self._seconds[plan] = min(seconds, self._seconds.get(plan, seconds))

    def out_of_memory(self, plan: Plan) -> None:
        """Never again propose a batch as large as that of `plan`."""
        self.ran_out_of_memory = True
        self._limit = max(plan.size // 2, 1)
        self._first = min(self._first, self._limit)
        self._seconds = {p: s for p, s in self._seconds.items() if p.size <= self._limit}
        if self._best is not None:
            self._best = Plan(min(self._best.size, self._limit), self._best.layout)

    def _candidate(self) -> Plan | None:
        for layout in self._layouts:
            if self._needs_run(Plan(self._first, layout)):
                return Plan(self._first, layout)
        layout = min(self._layouts, key=lambda name: self._seconds[Plan(self._first, name)])
        if self._fixed:
            return None
        size = self._first
        for larger in (True, False):
            while True:
                plan = Plan(size * 2 if larger else size // 2, layout)
                if not 1 <= plan.size <= self._limit:
                    break
                if self._needs_run(plan):
                    return plan
                if self._seconds[plan] > _WORTHWHILE * self._seconds[Plan(size, layout)]:
                    break
                size = plan.size
            if size != self._first:
                break
        return None

    def _needs_run(self, plan: Plan) -> bool:
        return plan not in self._seconds


class Feeder:
    """Runs work in batches, halving them when memory runs out.

    Parameters
    ----------
    framework : Framework
    module : Any
        The network, as the framework knows it.
    input_shape : tuple of int
        ``[channels, *spatial]`` of one input.
    key : hashable
        Names the network and the device, so that what was measured once is used again.
    size : int, optional
        A batch size that the user has chosen; only the memory layout is measured then.
    schedule : sequence of (size, layout, repeats), optional
        What an earlier run used, to be followed.
    count : int, optional
        How many inputs there will be, where only the network's outputs are wanted: then it may run in forms that have
        other layers inside, and only as many are tried as pay for a work of that length.
    layouts : sequence of str, optional
        The forms that the network may run in; what the framework offers if not given.
    most : int, optional
        Largest batch, where what comes out of a larger one would take more memory than there is reason to.
    less : Less, optional
        Less precision, if that is asked for: the first inputs are answered with and without, one by one, and compared.
    guard : callable, optional
        Returns the context in which another network than `module` runs: what was put around `module` is not there.
    refusal : callable, optional
        Makes the error that says that a single input does not fit into memory, and what to do.

    Attributes
    ----------
    network : Any
        What to run inside of `map`: the network in the form that is being used.
    schedule : list of [size, layout, repeats]
        What was used.
    notes : tuple of str
        What was found of the precision that was asked for.
    """

    def __init__(
        self,
        framework: Framework,
        module: Any,
        input_shape: tuple[int, ...],
        key: Hashable,
        *,
        size: int | None = None,
        schedule: Sequence[Sequence[Any]] = (),
        count: int | None = None,
        layouts: Sequence[str] | None = None,
        most: int = _LARGEST_BATCH,
        less: Less | None = None,
        guard: Callable[[Any], AbstractContextManager[None]] | None = None,
        refusal: Callable[[], StateError] | None = None,
    ) -> None:
        self._framework = framework
        self._module = self.network = module
        self._refusal, self._guard = refusal, guard
        offered = framework.layouts(module, forward_only=count is not None) if layouts is None else tuple(layouts)
        self._of, self._count, self._most = (key, input_shape, size), count, min(most, _LARGEST_BATCH)
        self._offer(offered)
        self._planned = [Plan(int(n), str(layout)) for n, layout, repeats in schedule for _ in range(int(repeats))]
        if self._planned:
            # a map of another device, or of another version, may have been made in a form that there is not here
            here = {*offered, *framework.layouts(module, forward_only=True), framework.reduced(module)}
            self._planned = [plan if plan.layout in here else Plan(plan.size, offered[0]) for plan in self._planned]
        self.schedule: list[list[Any]] = []
        self.notes: tuple[str, ...] = ()
        self._offered, self._less = offered, None if self._planned else less

    def once(self, call: Callable[[], T]) -> T:
        """Run something that cannot be split.

        Raises
        ------
        StateError
            If it does not fit into memory.
        """
        try:
            return call()
        except Exception as error:
            if self._framework.out_of_memory(error):
                raise self._refused(error) from error
            raise

    def one(self, call: Callable[[], T]) -> T:
        """Run a single input as `once` does, in the form of the first batch where only outputs are wanted.

        Raises
        ------
        StateError
            If it does not fit into memory.
        """
        if self._count is None or self.network is not self._module:
            return self.once(call)
        with contextlib.ExitStack() as stack:
            self._enter(stack, self._offered[0])
            return self.once(call)

    def map(
        self, count: int, build: Callable[[range], Array], call: Callable[[Array], Array]
    ) -> Iterator[tuple[range, Array]]:
        """Yield ``(indices, call(build(indices)))`` until all of ``range(count)`` is done.

        Raises
        ------
        StateError
            If not even a single input fits into memory.
        """
        if self._less is not None:
            self._compare(self._less, count, build, call)
            self._less = None
        done = 0
        layout = ""
        with keeping_memory(), contextlib.ExitStack() as stack:
            while done < count:
                followed = bool(self._planned)
                plan = self._planned.pop(0) if followed else self._tuner.propose()
                if plan.layout != layout:
                    stack.close()
                    self._enter(stack, plan.layout)
                    layout = plan.layout
                part = range(done, min(done + plan.size, count))
                started = time.perf_counter()
                try:
                    result = call(build(part))
                except Exception as error:
                    if not self._framework.out_of_memory(error):
                        raise
                    if len(part) == 1:
                        raise self._refused(error) from error
                    self._planned.clear()
                    self._tuner.out_of_memory(Plan(len(part), layout))
                    continue
                if not followed and len(part) == plan.size:
                    self._tuner.record(plan, (time.perf_counter() - started) / len(part))
                self._write_down(plan)
                done = part.stop
                yield part, result
        if not self._tuner.ran_out_of_memory:
            _tuned[self._key] = self._tuner.learned

    def _offer(self, forms: tuple[str, ...]) -> None:
        """Let the fastest of some forms be found."""
        _, input_shape, size = self._of
        self._key = (*self._of, forms)
        first = size or int(np.clip(_FIRST_VOXELS // max(int(np.prod(input_shape)), 1), 1, _FIRST_BATCH))
        if self._count is not None:
            forms = forms[: max(1, self._count // (_RUNS_TO_TRY * first))]
        known = _tuned.get(self._key)
        self._tuner = Tuner(forms, first, fixed=size is not None, learned=known, most=self._most)

    def _compare(self, less: Less, count: int, build: Callable[[range], Array], call: Callable[[Array], Array]) -> None:
        """Answer some inputs with less precision and without, and offer that form if they agree."""
        form, tried = less.form, min(_COMPARED, count // _RUNS_TO_TRY or count)
        if form is None:
            self.notes = ("This device has no faster arithmetic of less precision; float32 was used.",)
            return
        (exact, long), (rounded, short) = (self._tried(one, tried, build, call) for one in (self._offered[0], form))
        apart, extent = float(np.abs(rounded - exact).max()), float(np.ptp(exact))
        words = f"on {tried} inputs scores in {form} differed by up to {apart:.1g} from those in float32"
        words += f", which lay {extent:.1g} apart"
        if less.tolerance is not None and apart > less.tolerance * extent:
            self.notes = (f"Computed in float32: {words}.",)
        elif less.tolerance is not None and short > _WORTHWHILE * long:
            self.notes = (f"Computed in float32: {form} took {short / long:.1f} times as long on {tried} inputs.",)
        else:
            # alone: what one form rounds otherwise than another would be seen where they meet in a map
            self._offer((form,))
            self.notes = (f"Computed in {form}: {words}.",)

    def _tried(
        self, form: str, count: int, build: Callable[[range], Array], call: Callable[[Array], Array]
    ) -> tuple[Array, float]:
        """Return the answers to the first inputs in a form, and the seconds that the quickest took."""
        found, seconds = [], []
        with contextlib.ExitStack() as stack:
            self._enter(stack, form)
            for number in range(count):
                started = time.perf_counter()
                found.append(self.once(lambda n=number: call(build(range(n, n + 1)))))  # type: ignore[misc]
                seconds.append(time.perf_counter() - started)
        return np.concatenate(found), min(seconds)

    def _enter(self, stack: contextlib.ExitStack, form: str) -> None:
        """Give the network a form until the stack is closed."""
        stack.callback(self._back)
        self.network = stack.enter_context(self._framework.layout(self._module, form))
        if self._guard is not None and self.network is not self._module:
            stack.enter_context(self._guard(self.network))

    def _back(self) -> None:
        self.network = self._module

    def _write_down(self, plan: Plan) -> None:
        if self.schedule and self.schedule[-1][:2] == list(plan):
            self.schedule[-1][2] += 1
        else:
            self.schedule.append([*plan, 1])

    def _refused(self, error: Exception) -> Exception:
        return error if self._refusal is None else self._refusal()
