"""A network in training as a graph: its pass forward and its pass backward are compiled, one call each.

In PyNative mode a step waits for Python and for the hand-over between threads at each of its thousands of operators;
on two cores that was a third to two thirds of the time of a step.
"""

from __future__ import annotations

import warnings
from typing import Any

import mindspore as ms

from workbench.errors import WorkbenchError
from workbench.frameworks._memory import says_out_of_memory
from workbench.frameworks.mindspore.random import seeded

#: Shapes of inputs that are compiled: that of a full batch, and that of the last one of an epoch. Each takes seconds.
MOST_SHAPES = 2
#: Cells that were compiled, held for good: graph mode knows objects by their address, and takes a cell that was made
#: where another one was freed for that one, weights and all.
_HELD: list[Any] = []


def hold(cell: Any) -> None:
    """Keep a cell that is about to be compiled."""
    _HELD.append(cell)


class TrainingGraph:
    """A network that is called as it would be called itself, in training mode.

    It is compiled for the first shapes it is given; what comes in another shape runs in PyNative mode. So does all of
    a network that draws at random (dropout), since a graph would draw once and for all, and of one that MindSpore
    cannot compile, with a warning.

    Parameters
    ----------
    module : Module
        In the mode of each layer that it is trained in whenever this is called.

    Attributes
    ----------
    shapes : list of list of int, or None
        Shapes of inputs that are compiled; None once nothing is to be compiled any more. A graph rounds otherwise than
        PyNative mode does, so a resumed run is to begin with what the one before had.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self.shapes: list[list[int]] | None = []
        self._names: list[str] | None = None
        self._graph: Any = None
        self._before: list[tuple[Any, Any]] = []
        self._settled: bool | None = None
        self._proven: set[tuple[int, ...]] = set()

    def takes(self, inputs: Any) -> bool:
        """Tell whether inputs of this shape run as a graph."""
        if self.shapes is None:
            return False
        if self._settled is None:
            self._settled = self._is_settled(inputs)
        shape = list(inputs.shape)
        if self._settled and shape not in self.shapes and len(self.shapes) < MOST_SHAPES:
            self.shapes.append(shape)
        if not (self._settled and shape in self.shapes):
            return False
        if tuple(shape) not in self._proven:
            self._before = self._buffers()
        return True

    def __call__(self, inputs: Any) -> Any:
        if self._graph is None:
            flat = _Flat(self._module)
            hold(flat)
            self._graph = ms.jit(flat)
        outputs = self._graph(inputs)
        if self._names is None:
            return outputs
        return dict(zip(self._names, outputs, strict=True))

    def succeeded(self, inputs: Any) -> None:
        """Take note that both passes ran: from now on an error is no failure to compile."""
        self._proven.add(tuple(inputs.shape))
        self._before = []

    def gives_up(self, inputs: Any, error: Exception) -> bool:
        """Tell whether an error came of compiling; then nothing more is compiled, and nothing has changed."""
        if tuple(inputs.shape) in self._proven or isinstance(error, WorkbenchError) or says_out_of_memory(error):
            return False
        self.shapes = None
        self._put_back()
        reason = next((line for line in map(str.strip, str(error).splitlines()) if line.strip("-")), "no reason given")
        warnings.warn(
            f"MindSpore cannot compile {type(self._module).__name__} for training ({reason[:200]}). It trains in "
            "PyNative mode: slower, with results that are equal up to rounding.",
            stacklevel=2,
        )
        return True

    def _is_settled(self, inputs: Any) -> bool:
        """Run forward once, with no trace left, to learn what comes out and whether anything is drawn at random."""
        self._before = self._buffers()
        try:
            with seeded(0) as generator:
                before = generator.bit_generator.state
                outputs = self._module(inputs)
                drawn = generator.bit_generator.state != before
        finally:
            self._put_back()
        self._names = list(outputs) if isinstance(outputs, dict) else None
        return not drawn

    def _buffers(self) -> list[tuple[Any, Any]]:
        found = []
        for layer in self._module.modules():
            for name in getattr(layer, "_buffer_names", ()):
                buffer = layer._params[name]
                found.append((buffer, buffer.asnumpy().copy()))
        return found

    def _put_back(self) -> None:
        for buffer, values in self._before:
            buffer.set_data(ms.Tensor(values))
        self._before = []


class _Flat(ms.nn.Cell):  # type: ignore[misc]
    """A network whose outputs come in a tuple if they have names.

    From a graph that returns a dictionary, MindSpore 2.8 cannot make the pass backward through a batch norm ("device
    address does not exist").
    """

    def __init__(self, network: Any) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, inputs: Any) -> Any:
        outputs = self.network(inputs)
        return tuple(outputs.values()) if isinstance(outputs, dict) else outputs
