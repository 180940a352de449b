"""Forward passes over images of any size: whole where they fit, else window by window."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench._scratch import room
from workbench._words import size, span
from workbench.errors import Cancelled, StateError
from workbench.frameworks.base import Outputs as Outputs
from workbench.frameworks.feeding import Feeder
from workbench.work import Cancel, Progress
from workbench.zoo.windows import Blended, Column, Index, Windows

if TYPE_CHECKING:
    from workbench.frameworks import Framework

Read = Callable[[Index, Index], Array]
IsAir = Callable[[Index, Index], bool]

#: Outputs in the making may always take as much memory, in bytes: a network takes more for itself.
_SPARE = 1 << 24
#: Outputs of one batch of windows, in bytes, where that is more than one window.
_AT_ONCE = 1 << 24
#: A window of so many voxels fills the cores of a CPU by itself: nothing is gained by several at once.
_LARGE_WINDOW = 1 << 17
#: Preparing a network to be quick takes a second or so; it is done for work that takes longer than this.
_WORTHWHILE_SECONDS = 2.0
#: Multiplications (weights times voxels, more than are made) from which even a single pass takes long.
_HEAVY = 2e12
#: When less precision is tried: on how many windows, of how many at least, and by how much a probability may change.
_TRIED, _FEWEST_TO_TRY, _TOLERANCE = 4, 16, 1e-3
#: And which share of the time it must do with, at most, for a window that takes longer than can be chance.
_WORTHWHILE_SHARE, _TELLING_SECONDS = 0.8, 0.5


@dataclass(frozen=True)
class PredictionEstimate:
    """What a prediction will take, from a trial of one window on the device at hand.

    Attributes
    ----------
    windows : int
        That the network will see.
    skipped : int
        Windows of nothing but air.
    seconds : float
        For all of them.
    memory : int
        Bytes of the answer and of the outputs in the making, beside what the network takes for itself.
    """

    windows: int
    skipped: int
    seconds: float
    memory: int = 0

    def __str__(self) -> str:
        skipped = f" ({self.skipped} more are air)" if self.skipped else ""
        memory = f" and {size(self.memory)} of memory" if self.memory else ""
        return f"{self.windows} window{'s' if self.windows > 1 else ''}{skipped}, about {span(self.seconds)}{memory}"


class Inference:
    """A network and an image that is answered window by window.

    Parameters
    ----------
    framework, module
        The network.
    forward : callable
        ``forward(batch, network) -> outputs``: those of windows [m, c, *window], by the network in the form that is
        being used; an array [m, k, *window], or several by name, of which those at the window's resolution are kept.
    read : callable
        ``read(start, stop) -> array [c, *box]``: the image, as the network is to see it.
    windows : Windows
    key : hashable
        Names the network and the device, so that what was measured once is used again.
    air : callable, optional
        Returns a rule ``(start, stop) -> bool``: of windows of which it says so, the first is answered by the network,
        and its answer is taken for all others.
    only : str, optional
        The one output that is wanted, by its name.
    progress, cancel : callable, optional
        As `Model.predict` takes them.
    tuned : bool
        Whether batch size and layout are measured; what was measured decides how outputs are rounded.
    """

    def __init__(
        self,
        framework: Framework,
        module: Any,
        forward: Callable[[Array, Any], Outputs],
        read: Read,
        windows: Windows,
        key: Any,
        *,
        air: Callable[[], IsAir] | None = None,
        only: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        tuned: bool = True,
    ) -> None:
        self._framework, self._module, self._forward, self._key = framework, module, forward, key
        self._read, self._windows, self._air, self._only = read, windows, air, only
        self._progress, self._cancel, self._tuned = progress, cancel, tuned
        #: The form that the network runs in, where it has been decided.
        self._form: str | None = None
        #: Names and channels of the outputs, in the order in which they lie behind one another.
        self.parts: dict[str, int] = {}
        self._seconds = 0.0
        self._first: tuple[Index, Array] | None = None
        self._rule: IsAir | None = None
        self._known: dict[Index, bool] = {}

    @property
    def channels(self) -> int:
        """How many channels all outputs have together, known after `begin`."""
        return sum(self.parts.values())

    @property
    def count(self) -> int:
        """How many windows the image has, those of air included."""
        return len(self._windows)

    @property
    def single(self) -> bool:
        """Whether one window is the whole image."""
        return len(self._windows) == 1

    def begin(self) -> None:
        """Answer the first window: what outputs there are, and how long one takes, can be known in no other way."""
        start = (0,) * len(self._windows.shape)
        form = self._form
        if form is None:
            form = self._framework.layouts(self._module, forward_only=True)[0] if self._heavy else "contiguous"
        feeder = self._feeder(1)
        with self._framework.layout(self._module, form) as network:
            started = time.perf_counter()
            answer = feeder.once(lambda: self._run(self._batch([start]), network))
            self._seconds = time.perf_counter() - started
        self._first = (start, answer[0])

    def estimate(self, answer: int | None = None, halo: int = 0) -> PredictionEstimate:
        """Return how long it will take: what a second window takes (the first one warms up), times their number.

        Parameters
        ----------
        answer : int, optional
            Bytes of what is made of the outputs box by box; the outputs of the `whole` image if not given.
        halo : int, optional
            As `boxes` will be told.
        """
        self.begin()
        outputs = 4 * self.channels * math.prod(self._windows.shape)
        answer = outputs if answer is None else answer
        memory = self._memory(answer // 2)
        columns = self._columns(memory, halo)
        starts = [start for column in columns for start in column.windows()]
        air = sum(self._flags(starts))
        needed = len(starts) - max(0, air - 1)
        if needed > 1 and self._seconds < _WORTHWHILE_SECONDS:
            self.begin()
        return PredictionEstimate(needed, len(starts) - needed, self._seconds * needed, answer + min(outputs, memory))

    def reduce(self, probabilities: Callable[[Array], Array], *, check: bool) -> str:
        """Let the network compute faster and less exactly, where the device has such arithmetic.

        Parameters
        ----------
        probabilities : callable
            Makes those of outputs [n, k, *window].
        check : bool
            Whether it is tried first, on four windows that are spread over what is not air, and given up where a
            probability changes by more than 1e-3, or nothing is gained: not every processor that has such arithmetic is
            quick at it. For fewer than sixteen windows the trial would cost what is gained.

        Returns
        -------
        str
            What was decided, and why, as a note for the answer; empty where all stays as it is without a question.

        Raises
        ------
        StateError
            If not even a single window fits into memory.
        """
        form = self._framework.reduced(self._module)
        if form is None:
            return "" if check else "this device has no faster arithmetic of less precision; float32 was used"
        if not check:
            self._form = form
            return f"computed in {form}"
        everywhere = list(itertools.product(*self._windows.starts))
        starts = [start for start, air in zip(everywhere, self._flags(everywhere), strict=True) if not air]
        if len(starts) < _FEWEST_TO_TRY:
            return ""
        tried = [starts[round(i * (len(starts) - 1) / (_TRIED - 1))] for i in range(_TRIED)]
        feeder = self._feeder(_TRIED)

        def answers(form: str) -> tuple[list[Array], float]:
            found, seconds = [], []
            with self._framework.layout(self._module, form) as network:
                for start in tried:
                    started = time.perf_counter()
                    found.append(feeder.once(partial(self._run, self._batch([start]), network)))
                    seconds.append(time.perf_counter() - started)
            return found, min(seconds)

        exact, long = answers(self._framework.layouts(self._module, forward_only=True)[0])
        less, short = answers(form)
        if long > _TELLING_SECONDS and short > _WORTHWHILE_SHARE * long:
            return f"computed in float32: {form} took {short / long:.1f} times as long on {_TRIED} windows"
        pairs = zip(exact, less, strict=True)
        apart = max(float(np.abs(probabilities(one) - probabilities(other)).max()) for one, other in pairs)
        words = f"on {_TRIED} windows probabilities in {form} differed by up to {apart:.1g} from those in float32"
        if apart > _TOLERANCE:
            return f"computed in float32: {words}"
        self._form = form
        return f"computed in {form}: {words}"

    def boxes(self, memory: int = 0, halo: int = 0) -> Iterator[Blended]:
        """Yield the blended outputs of the image as boxes.

        Parameters
        ----------
        memory : int
            Bytes that outputs in the making may take in memory, or as much as those of one window, or `_SPARE`,
            whichever is most. What takes more goes into a temporary file.
        halo : int
            See `Windows.blend`.

        Raises
        ------
        Cancelled
            If `cancel` said so.
        StateError
            If not even a single window fits into memory.
        """
        if self._first is None:
            self.begin()
        memory = self._memory(memory)
        yield from self._windows.blend(self._columns(memory, halo), self._answers, halo, memory)

    def whole(self) -> dict[str, Array]:
        """Return the blended outputs of the whole image, by name."""
        if self._first is None:
            self.begin()
        shape = (self.channels, *self._windows.shape)
        result = empty_scores(shape)
        for box in self.boxes(memory=result.nbytes // 2):
            place = (slice(a, a + n) for a, n in zip(box.start, box.own, strict=True))
            result[(slice(None), *place)] = box.values
        ends = np.cumsum(list(self.parts.values()))[:-1]
        return dict(zip(self.parts, np.split(result, ends), strict=True))

    # -- inside -------------------------------------------------------------------------------------------

    def _columns(self, memory: int, halo: int) -> list[Column]:
        return self._windows.columns(self.channels, max(memory, room()), halo)

    def _memory(self, wanted: int) -> int:
        return max(wanted, 4 * self.channels * math.prod(self._windows.size), _SPARE)

    def _answers(self, starts: list[Index]) -> Iterator[Array]:
        flags = self._flags(starts)
        first_air = flags.index(True) if True in flags else -1
        needed = [start for i, start in enumerate(starts) if not flags[i] or i == first_air]
        computed, of_air = self._computed(needed), np.empty(0, np.float32)
        for i, flag in enumerate(flags):
            if flag and i == first_air:
                of_air = next(computed).copy()
            yield of_air if flag else next(computed)

    def _computed(self, starts: list[Index]) -> Iterator[Array]:
        assert self._first is not None
        done, total = 0, len(starts)
        if starts[0] == self._first[0]:
            starts, done = starts[1:], 1
            self._tell(done, total)
            yield self._first[1]
        self._first = None
        feeder = self._feeder(len(starts))

        def build(part: range) -> Array:
            if self._cancel is not None and self._cancel():
                raise Cancelled(f"The prediction was cancelled after {done} of {total} windows.")
            return self._batch([starts[i] for i in part])

        for part, answers in feeder.map(len(starts), build, lambda batch: self._run(batch, feeder.network)):
            done += len(part)
            self._tell(done, total)
            yield from answers

    def _feeder(self, count: int) -> Feeder:
        size = 1 if self._on_cpu() and math.prod(self._windows.size) >= _LARGE_WINDOW else None
        long = self._heavy or self._seconds * count > _WORTHWHILE_SECONDS
        forms = None if self._form is None else (self._form,)
        if not self._tuned:
            size, forms = size or 1, forms or ("contiguous",)
        shape = (0, *self._windows.size)  # the channels do not matter to the size of a batch
        outputs = 4 * max(1, self.channels) * math.prod(self._windows.size)
        return Feeder(
            self._framework, self._module, shape, self._key, size=size, count=count if long else None,
            layouts=forms, most=max(1, _AT_ONCE // outputs), refusal=self._refusal,
        )  # fmt: skip

    @property
    def _heavy(self) -> bool:
        return self._framework.num_parameters(self._module) * math.prod(self._windows.size) > _HEAVY

    def _on_cpu(self) -> bool:
        return self._framework.device_of(self._module) == "cpu"

    def _batch(self, starts: Sequence[Index]) -> Array:
        return np.stack([self._read(start, self._stop(start)) for start in starts])

    def _stop(self, start: Index) -> Index:
        return tuple(a + n for a, n in zip(start, self._windows.size, strict=True))

    def _flags(self, starts: list[Index]) -> list[bool]:
        if self._air is None or self.single:
            return [False] * len(starts)
        if self._rule is None:
            self._rule = self._air()
        for start in starts:
            if start not in self._known:
                self._known[start] = self._rule(start, self._stop(start))
        return [self._known[start] for start in starts]

    def _run(self, batch: Array, network: Any) -> Array:
        outputs = self._forward(batch, network)
        named = dict(outputs) if isinstance(outputs, Mapping) else {"": outputs}
        if self._only in named:
            named = {str(self._only): named[str(self._only)]}
        dense = {name: values for name, values in named.items() if values.shape[2:] == self._windows.size}
        self.parts = {name: values.shape[1] for name, values in dense.items()}
        arrays = list(dense.values())
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done / total)

    def _refusal(self) -> StateError:
        return StateError(
            f"A window of {'x'.join(map(str, self._windows.size))} voxels does not fit into the device's memory. "
            "Choose a smaller model.patch_size, a narrower network or another device."
        )


def empty_scores(shape: Sequence[int], dtype: Any = np.float32) -> Array:
    """Return an array of zeros for the answer to a whole image.

    Raises
    ------
    StateError
        If it is larger than the free memory.
    """
    import psutil

    needed, free = math.prod(shape) * np.dtype(dtype).itemsize, psutil.virtual_memory().available
    words = (
        f"An answer of {' x '.join(map(str, shape))} values takes {size(needed)}, {size(free)} of memory "
        "are free. Crop the volume (Volume.crop), make its voxels larger (Volume.resample), or ask for labels alone "
        "(predict), which take one value for each voxel."
    )
    if needed > free:
        raise StateError(words)
    try:
        return np.zeros(tuple(shape), dtype)
    except MemoryError:
        raise StateError(words) from None
