"""The contract between the workbench and a deep-learning framework.

Everything above this room (zoo, training, explain) speaks NumPy and asks a :class:`Framework` for the rest. What a
framework promises, in prose:

- **One definition.** A network is a function ``define(nn, F, ops)`` that returns a class; a loss is a function
  ``make_loss(nn, F, ops)`` that returns a callable. Both are written in torch's vocabulary, and
  :attr:`Framework.vocabulary` is what is handed to them. The class takes JSON-able keywords only, has ``forward(x)``
  and returns a tensor or a dictionary of named tensors. What the network of somebody else packs its tensors in is
  unpacked by :func:`workbench.frameworks.outputs.named`. A loss that needs the gradient of a module with respect to
  its input (a gradient penalty) asks for ``ops.autograd.functional.vjp(module, x, v, create_graph=True)``.
- **Arrays.** Batches are ``[n, c, *spatial]`` float32, channels first. What comes back is a float32 NumPy array that
  shares its memory with nothing. A module of another precision (half, bfloat16, double) computes in its own; what the
  framework cannot do in it is an InputError.
- **Modes.** A module of ours is in evaluation mode whenever it is not inside :meth:`Trainer.step`; forward and
  gradients are those of evaluation mode, so samples of a batch do not influence one another. One that somebody has put
  into training mode is so again afterwards, layer by layer. Gradients are to be had wherever the
  caller stands, inside ``torch.no_grad`` and ``torch.inference_mode`` too.
- **Names.** Parameters and buffers carry torch's state-dict names in every framework, so one weights file serves all.
- **Seeds.** The same seed builds the same weights within one framework, and the caller's own random state is untouched.
  A :class:`Trainer` that is given the same state, data and step seeds makes bit-identical steps on a CPU.

`workbench.testing.FrameworkContract` says the same in tests; a third-party framework (entry point group
``workbench.frameworks``) inherits them.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import StateError, choose
from workbench.frameworks import _environment
from workbench.frameworks._layers import one_by_one
from workbench.frameworks._memory import says_out_of_memory
from workbench.frameworks._modes import give_up
from workbench.frameworks.facts import Device as Device
from workbench.frameworks.facts import KnownProblem as KnownProblem
from workbench.frameworks.facts import LayerInfo as LayerInfo
from workbench.frameworks.linear_score import ACTIVATIONS as ACTIVATIONS
from workbench.frameworks.linear_score import LinearScore as LinearScore
from workbench.frameworks.matching import MatchReport
from workbench.frameworks.players import Loss, Players
from workbench.frameworks.stepping import OptimizerSpec, Trainer

Define = Callable[[Any, Any, Any], Any]
MakeLoss = Callable[[Any, Any, Any], Loss | Players]
Outputs = Array | Mapping[str, Array]


class Framework(ABC):
    """A deep-learning framework behind the few words the workbench needs (the promises are in the module docstring)."""

    name: str

    @property
    @abstractmethod
    def vocabulary(self) -> tuple[Any, Any, Any]:
        """The three namespaces ``(nn, F, ops)`` that networks and losses are written against."""

    #: Where the class of its networks is defined, and what it is called there.
    networks: tuple[str, str] = ("", "")

    @classmethod
    def owns(cls, thing: Any) -> bool:
        """Tell whether something is a network of this framework, whoever wrote it; nothing is imported for it."""
        return any((kind.__module__, kind.__qualname__) == cls.networks for kind in type(thing).__mro__)

    @classmethod
    @abstractmethod
    def installed(cls) -> bool:
        """Tell whether the framework can be imported, without importing it."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions that decide results, for a run's manifest."""

    @classmethod
    def worker_environment(
        cls,
        inherited: Mapping[str, str],
        *,
        threads: int,
        deterministic: bool,  # noqa: ARG003
    ) -> dict[str, str]:
        """Return the variables that a process which will compute must be started with: libraries read them when loaded.

        Parameters
        ----------
        inherited : mapping of str to str
            The environment that they are added to; what somebody chose there may be heeded.
        threads : int
            Threads that the process is to compute with.
        deterministic : bool
            Whether equal steps must give equal results.
        """
        return _environment.openmp(inherited, threads)

    def configure(self, *, threads: int, deterministic: bool) -> None:  # noqa: B027 - nothing is a sound answer
        """Set what holds for the whole process, before any network is built; as here, nothing.

        Parameters are those of :meth:`worker_environment`.
        """

    @contextlib.contextmanager
    def unconfigured(self) -> Iterator[None]:
        """Put back afterwards what `configure` has changed meanwhile; as here, nothing."""
        yield

    def known_problems(self) -> list[KnownProblem]:
        """Return what is known to go wrong with the installed versions on this machine."""
        return []

    @abstractmethod
    def devices(self) -> list[Device]:
        """Return the devices present, the preferred default last to be asked for: the CPU first."""

    @abstractmethod
    def build(self, define: Define, config: Mapping[str, Any], device: str = "cpu", seed: int | None = 0) -> Any:
        """Return the network in evaluation mode on `device`, its weights drawn from `seed` (None: fresh entropy)."""

    @abstractmethod
    def device_of(self, module: Any) -> str:
        """Return the id of the device that the network's weights are on."""

    @abstractmethod
    def forward(self, module: Any, x: Array) -> Outputs:
        """Return the raw outputs for a batch, without gradients."""

    @abstractmethod
    def scores(self, module: Any, x: Array, score: LinearScore) -> Array:
        """Return the score of each sample, shape ``[n]``, float32."""

    @abstractmethod
    def input_gradient(self, module: Any, x: Array, score: LinearScore) -> tuple[Array, Array]:
        """Return the scores ``[n]`` and the gradient of each sample's score with respect to it, shaped like `x`."""

    @abstractmethod
    def layer_gradient(self, module: Any, layer: str, x: Array, score: LinearScore) -> tuple[Array, Array, Array]:
        """Return the scores ``[n]``, a layer's output ``[n, k, *spatial']`` and the gradient with respect to it.

        A layer that runs several times in one forward pass is looked at in its last run.

        Raises
        ------
        InputError
            If there is no such layer, it did not run, or its output is not one tensor.
        """

    def layer_gradients(
        self, module: Any, layers: Sequence[str], x: Array, score: LinearScore
    ) -> Iterator[tuple[Array, Array] | None]:
        """Yield for each layer its output and the gradient with respect to it, as :meth:`layer_gradient` has them.

        None for a layer that did not run, or whose output is not one tensor.
        """
        return one_by_one(self, module, layers, x, score)

    def capture(self, module: Any, layers: Sequence[str], x: Array) -> dict[str, Array]:  # noqa: ARG002
        """Return the outputs ``[n, ...]`` of some layers by their names, without gradients.

        As for :meth:`layer_gradient`, a layer that runs several times is looked at in its last run.

        Raises
        ------
        InputError
            If there is no such layer, it did not run, or its output is not one tensor.
        StateError
            If the framework has no way to.
        """
        raise self._cannot("capture")

    def replace(self, module: Any, layer: str, change: Callable[[Array], Array]) -> AbstractContextManager[Any]:  # noqa: ARG002
        """Change what a layer puts out for the length of a ``with`` block, and give the network to run there.

        No gradient passes the change. A layer that runs several times is changed in each run. Another thread may run
        the same network meanwhile: it is not disturbed.

        Parameters
        ----------
        change : callable
            Given the layer's output ``[n, ...]``, float32, that it may write into; returns one of the same shape.

        Raises
        ------
        InputError, StateError
            As :meth:`capture`; and if `change` gives another shape.
        """
        raise self._cannot("replace")

    def _cannot(self, what: str) -> StateError:
        return StateError(
            f"The framework {self.name} must define {what}() for this method to look into layers, and does not. "
            "Take a method that needs gradients alone, such as 'grad-cam'."
        )

    @abstractmethod
    def layers(self, module: Any) -> list[LayerInfo]:
        """Return the modules inside a network that produce an output, in the order they were defined."""

    def first_convolution(self, module: Any) -> tuple[int, int] | None:  # noqa: ARG002
        """Return how many spatial axes and channels the first convolution takes; None where there is none to look at.

        As here, where the framework does not look.
        """
        return None

    def traced(self, module: Any, x: Array) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
        """Return the outputs for a batch, and the shapes that layers put out, in the order in which they ended.

        Those of the innermost layers, and of blocks of them that do something themselves, such as adding a shortcut.
        Layers that put out no single tensor, and networks that show no layers, have none; nor has a framework that does
        not look, as here.
        """
        return self.forward(module, x), {}

    def called(self, module: Any) -> str:
        """Return what the class of a network is called; what the framework wraps around one is looked through."""
        return type(module).__name__

    def copied(self, module: Any) -> Any:
        """Return a copy of a network that shares no weights with it."""
        return copy.deepcopy(module)

    @abstractmethod
    def state(self, module: Any) -> dict[str, Array]:
        """Return copies of all weights and running statistics under torch's state-dict names."""

    @abstractmethod
    def load_state(self, module: Any, state: Mapping[str, Array], strict: bool = True) -> MatchReport:
        """Put weights into a network; with ``strict=False`` only those that fit, and the report says which.

        Raises
        ------
        InputError
            If `strict` and the names or shapes differ; the network is then left as it was.
        """

    @abstractmethod
    def parameter_names(self, module: Any) -> list[str]:
        """Return the names of the trainable weights, in definition order (no running statistics)."""

    @abstractmethod
    def num_parameters(self, module: Any) -> int:
        """Return the number of trainable scalars."""

    def count_parameters(self, define: Define, config: Mapping[str, Any]) -> float:
        """Return the number of trainable scalars of a network, where the framework can without making its weights.

        Returns
        -------
        float
            Infinity if the network could not be laid out at all, for it is too large.
        """
        return float(self.num_parameters(self.build(define, config)))

    @abstractmethod
    def trainer(
        self,
        module: Any,
        loss: MakeLoss,
        optimizer: OptimizerSpec,
        *,
        trainable: Sequence[str] | None = None,
        grad_clip: float | None = None,
        compiled: bool = False,
    ) -> Trainer:
        """Return a trainer of the network.

        Parameters
        ----------
        loss : callable
            ``make_loss(nn, F, ops) -> loss(outputs, targets) -> {"loss": ..., named terms}``; or ``-> Players``, for
            parts that are trained against each other.
        trainable : sequence of str, optional
            Names of the parameters to train, all others are frozen; a frozen batch norm keeps its running statistics.
        grad_clip : float, optional
            The largest allowed norm over all gradients together.
        compiled : bool
            Compile the network for training, if the framework has more of it than it costs: seconds at the first
            step, less time in all others. MindSpore does; torch trains as ever.
        """

    def non_finite(self, module: Any) -> list[str]:
        """Return the names of the weights and running statistics that hold NaN or infinities."""
        return [name for name, value in self.state(module).items() if not np.isfinite(value).all()]

    def check_finite(self, module: Any) -> None:
        """Check that a network can answer.

        Raises
        ------
        StateError
            If some of its weights are not finite; the message names one.
        """
        bad = self.non_finite(module)
        if bad:
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise StateError(
                f"A network whose weights are not finite answers nothing, but {bad[0]!r}{more} holds NaN or infinity, "
                "as after a training that went wrong. Take an earlier epoch, or load the weights again."
            )

    def out_of_memory(self, error: BaseException) -> bool:
        """Tell whether an exception means that memory ran out, so that a smaller batch may succeed."""
        return says_out_of_memory(error)

    @contextlib.contextmanager
    def interruptible(self, module: Any, cancelled: Callable[[], bool]) -> Iterator[None]:  # noqa: ARG002
        """Ask `cancelled` between the network's layers too, for the length of a ``with`` block.

        One pass of a large network takes many seconds; a person who cancels does not wait for it. Only what the
        present thread runs is interrupted. A framework that hands its work to a queue, and so cannot stop between
        layers, leaves this as it is here: without effect.

        Raises
        ------
        Cancelled
            From the pass that was under way when `cancelled` first returned True.
        """
        yield

    def give_up(self, thread: threading.Thread) -> bool:
        """Bring back now the modes of the networks that a thread asks, which nobody will wait for.

        Returns
        -------
        bool
            False where the thread has to be waited for: what it still runs would run in training mode.
        """
        return give_up(thread)

    def layouts(self, module: Any, *, forward_only: bool = False) -> tuple[str, ...]:  # noqa: ARG002
        """Return the forms that the network can be given to run in, that which is to be tried first first.

        A form changes speed, never results (beyond rounding); which one is faster must be measured.

        Parameters
        ----------
        forward_only : bool
            Whether forms count in which the network has other layers, so that only its outputs are to be had.
        """
        return ("contiguous",)

    def reduced(self, module: Any) -> str | None:  # noqa: ARG002
        """Return the form in which the network computes faster and less exactly, if the device has such arithmetic."""
        return None

    @contextlib.contextmanager
    def layout(self, module: Any, name: str) -> Iterator[Any]:
        """Give the network a form for the length of a ``with`` block, and yield the network to run there."""
        choose(name, self.layouts(module, forward_only=True), "memory layout")
        yield module
