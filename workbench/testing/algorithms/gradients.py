"""Gradients of an algorithm's own loss, with respect to its input and to its weights, by the trainer of any framework.

A trainer differentiates with respect to parameters, and what SGD remembers as momentum after its first step is the
gradient itself, to the last bit; a difference of weights would have lost most digits of a small one. So that the input
has a gradient too, a parameter is added to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.frameworks import OptimizerSpec, Players

#: The offset counts so little that its steps change no input. Being a power of two, it costs a gradient no digits.
SCALE = 2.0**-40


def define(nn: Any, F: Any, ops: Any) -> type:
    class Moved(nn.Module):
        def __init__(self, network: Any, shape: tuple[int, ...]) -> None:
            super().__init__()
            self.network = network
            self.offset = nn.Parameter(ops.zeros(shape))

        def moved(self, x: Any) -> Any:
            return x + SCALE * self.offset

        def forward(self, x: Any) -> Any:
            return self.network(self.moved(x))

    return Moved


class Differentiated:
    """Trains a model on one batch by SGD, as `trainer` would, and tells the gradients.

    The loss is the algorithm's own, in training mode. Of several players, each weight has the gradient of its owner's
    loss, and the input that of the last one's, whose loss is called ``"loss"`` in training.

    Parameters
    ----------
    model : Model
        What is trained.
    inputs, targets
        The batch.
    lr : float
        The learning rate.
    compiled : bool
        Whether in a graph, on MindSpore, where the network has one.
    """

    def __init__(
        self, model: Any, inputs: np.ndarray, targets: dict[str, np.ndarray], lr: float, *, compiled: bool = True
    ) -> None:
        framework = model.framework
        self._batch, self._lr = (inputs, targets), lr
        state = framework.state(model.module)
        self._shapes = {name: state[name].shape for name in framework.parameter_names(model.module)}
        module = framework.build(define, {"network": model.module, "shape": inputs.shape})
        spec = OptimizerSpec("sgd", lr=lr, momentum=0.9)
        self.players = isinstance(model.task.make_loss()(*framework.vocabulary), Players)
        self._trainer = framework.trainer(module, _moved_loss(model.task.make_loss()), spec, compiled=compiled)
        self.losses: list[float] = []
        #: Gradients as SGD's momentum adds them up over the steps; those of the first step after the first.
        self.input: np.ndarray = np.zeros(0)
        self.weights: dict[str, np.ndarray] = {}
        #: Shapes of inputs that a graph was made for; on MindSpore.
        self.compiled: list[list[int]] | None = None

    def step(self) -> None:
        """Take a step, and fill `input` and `weights`, by name."""
        terms = self._trainer.step(*self._batch, step_seed=len(self.losses), lr=self._lr)
        self.losses.append(terms["loss"])
        tensors, scalars = self._trainer.state()
        momenta = {name.removeprefix("momentum_buffer."): gradient for name, gradient in tensors.items()}
        self.input = momenta["offset"] / SCALE
        self.compiled = scalars.get("compiled")
        # torch remembers nothing of a weight that the loss does not depend on
        self.weights = {
            name: momenta[key] if (key := f"network.{name}") in momenta else np.zeros(shape, np.float32)
            for name, shape in self._shapes.items()
        }


def _moved_loss(make_loss: Any) -> Any:
    def make(nn: Any, F: Any, ops: Any) -> Any:
        loss = make_loss(nn, F, ops)
        if not isinstance(loss, Players):
            return loss

        def moved(module: Any, inputs: Any, targets: dict[str, Any], player: str, seed: int) -> dict[str, Any]:
            return loss.loss(module.network, module.moved(inputs), targets, player, seed)

        parts = {player: [f"network.{begin}" for begin in begins] for player, begins in loss.parts.items()}
        parts[list(parts)[-1]].append("offset")
        return Players(parts, moved)

    return make
