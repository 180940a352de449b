"""What an algorithm's task module answers: targets, loss, decoding, metrics, a plan of training."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, check_keywords
from workbench.frameworks.base import LinearScore
from workbench.frameworks.base import MakeLoss as MakeLoss
from workbench.frameworks.base import Outputs as Outputs
from workbench.parameters import Parameter
from workbench.signatures import Range, of_function
from workbench.zoo.planning import UNKNOWN, Facts, Plan

if TYPE_CHECKING:
    from workbench.transforms import Prepared

#: How much a term of a loss counts.
Weight = Annotated[float, Range(low=0)]
#: Share of a target that is spread evenly over all classes.
LabelSmoothing = Annotated[float, Range(low=0, below=1)]
#: One weight for each class.
ClassWeights = Annotated[Sequence[float] | None, Range(low=0)]


class Metrics(ABC):
    """Scores of a model on a set of samples, taken one sample after the other."""

    @abstractmethod
    def update(self, prediction: Any, truth: Any) -> None:
        """Take in one sample."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Return the scores of all samples taken in so far, under the same names but NaN where there were none.

        Scores of single labels ("dice/liver") may be left out until there is one to score.
        """


class Task(ABC):
    """The side of an algorithm that no framework knows: arrays and annotations only.

    One instance serves all models of the algorithm and keeps no state.
    """

    #: What kind of annotation it learns from, one of `workbench.datasets.TASKS`.
    kind: ClassVar[str]
    #: Whether large images may be answered window by window, the outputs blended where windows overlap.
    windowed: ClassVar[bool] = False
    #: Whether the answer at a voxel depends on the outputs there alone, so that it may be decided box by box.
    by_voxel: ClassVar[bool] = False
    #: Whether the main output has one score of each class for the whole image, and none for each place.
    whole: ClassVar[bool] = False
    #: Whether class 0 of a dense output is the background.
    background: ClassVar[bool] = False
    #: Whether the sum of the main output grows with the number of objects.
    counted: ClassVar[bool] = False
    #: Name of the main output, of networks that return several.
    main: str = "logits"
    #: Whether the main output is what a softmax or sigmoid makes probabilities of.
    raw: bool = True

    @abstractmethod
    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return the training targets of one sample, without a batch axis.

        Their shapes depend on `shape` alone, so that the targets of a batch can be stacked.

        Parameters
        ----------
        annotation : int, array [*spatial], Shapes, or a mapping of these
            The annotation on the network's grid; shapes are in its voxel coordinates.
        num_classes : int
            Number of classes of the model; a label beyond it is an error.
        shape : sequence of int
            Spatial shape of the network's input.
        """

    @abstractmethod
    def make_loss(self, *args: Any, **options: Any) -> MakeLoss:
        """Return a loss in the shared vocabulary: ``(nn, F, ops) -> loss(outputs, targets) -> {"loss", terms}``."""

    def loss(self, options: Mapping[str, Any]) -> MakeLoss:
        """Return the loss with the options that a recipe gives.

        Raises
        ------
        InputError
            If `make_loss` takes no such option, or not with that value.
        """
        parameters = self.parameters()
        if parameters is not None:
            check_keywords(options, parameters, "The loss")
            options = {name: parameters[name].check(value, "The loss") for name, value in options.items()}
        return self.make_loss(**options)

    def parameters(self) -> dict[str, Parameter] | None:
        """Return the options of the loss, by name, with those that `make_loss` hands on to the class it overrides.

        None if it takes any keyword and overrides nothing that names them: where it hands them on cannot be known.
        """
        found: dict[str, Parameter] = {}
        for owner in type(self).__mro__:
            if owner is Task:
                break
            if "make_loss" in vars(owner):
                made = vars(owner)["make_loss"]
                found = {**of_function(made), **found}
                if not any(one.kind is one.VAR_KEYWORD for one in inspect.signature(made).parameters.values()):
                    return found
        return None

    def check_class_weights(self, options: Mapping[str, Any], num_classes: int) -> None:
        """Check that the ``class_weights`` of the options of the loss, if there are any, are one for each class.

        Raises
        ------
        InputError
            If there are more or fewer.
        """
        if options.get("class_weights") is not None:
            check_weight_count(options["class_weights"], num_classes)

    @abstractmethod
    def decode(self, outputs: Outputs) -> Sequence[Any] | Array:
        """Return the predictions of raw outputs, one per sample, on the network's grid."""

    @abstractmethod
    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Any:
        """Return the prediction for the single image that `outputs` are of, on the grid of its volume."""

    def presence(self, outputs: Outputs) -> Array:
        """Return where each class is, which is what explanations start from.

        Returns
        -------
        array
            ``[n, num_classes]`` scores of whole images; or, where the main output is dense, the class [n, *spatial'] of
            each of its places, -1 where there is none. Here: softmax, or argmax.
        """
        logits = np.asarray(self.main_of(outputs))
        return softmax(logits) if logits.ndim == 2 else np.asarray(logits.argmax(axis=1))

    def main_of(self, outputs: Outputs) -> Any:
        """Return the main output of a network that may return several."""
        return outputs[self.main] if isinstance(outputs, Mapping) else outputs

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore] | None:  # noqa: ARG002
        """Return what each shape in the first image was found by, in the order of `decode`; None where none are found.

        Parameters
        ----------
        parameter : str, optional
            Of the shapes: then a score that changes as it does. The names are the task's.

        Raises
        ------
        InputError
            If the shapes have no such parameter that the network says.
        """
        return None

    def counting(self, outputs: Outputs, label: int | None = None) -> LinearScore | None:
        """Return a score that grows with the number of objects in the first image; None where none are counted.

        Here, of shapes that are found: the sum of what each was found by.

        Parameters
        ----------
        label : int, optional
            Only those of one class.
        """
        scores = self.evidence(outputs)
        if scores is None:
            return None
        labels = getattr(self.decode(outputs)[0], "labels", None)
        if label is not None and labels is not None:
            scores = [score for score, own in zip(scores, labels, strict=True) if own == label]
        return added(scores)

    def inside(self, outputs: Outputs) -> tuple[str | None, int] | None:  # noqa: ARG002
        """Return which output and channel of it say that a voxel is in an object, None where none are told apart."""
        return None

    def explainable(self, answer: Any, classes: Sequence[str]) -> list[tuple[str, Any]]:  # noqa: ARG002
        """Return what of an answer can be explained, what was drawn first; here every class but the background.

        Parameters
        ----------
        answer
            What `answer` returned.
        classes : sequence of str

        Returns
        -------
        list of (kind, which)
            ``("class", index)``; ``("boxes", index)``, ``("ellipses", index)``, ``("points", index)``;
            ``("instance", number)``; ``("count", None)``; ``("output", (name, channel, mask or None))``.
        """
        return [("class", index) for index in range(int(self.background and len(classes) > 1), len(classes))]

    @abstractmethod
    def metrics(self, classes: Sequence[str]) -> Metrics:
        """Return empty scores for a model of these classes; they compare answers with the data set's annotations."""

    @abstractmethod
    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return how the algorithm is trained when nothing else is said, with reasons.

        What holds for every task alike (no larger batch than there are cases, ...) is seen to by `Algorithm.plan`.

        Parameters
        ----------
        facts : Facts
            What is known of the data and the machine.
        """

    def default_recipe(self) -> dict[str, Any]:
        """Return what `plan` proposes where nothing is known, as a dict; tasks that override it are heard as before."""
        return dict(self.plan())


def added(scores: Sequence[LinearScore]) -> LinearScore | None:
    """Return the sum of scores, a term for each output; None where there are none."""
    terms: dict[str | None, Array] = {}
    for score in scores:
        terms[score.output] = terms.get(score.output, 0) + score.weights
    total: tuple[LinearScore, ...] = ()
    for output, weights in reversed(terms.items()):
        total = (LinearScore(weights, output, plus=total),)
    return total[0] if total else None


def logits_of(outputs: Outputs) -> Any:
    """Return the main output of a network that may return several."""
    return outputs["logits"] if isinstance(outputs, Mapping) else outputs


def softmax(logits: Array) -> Array:
    """Return the softmax over axis 1 as float32."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float32)
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def check_range(values: Array, num_classes: int, ignored: int | None = None) -> None:
    """Check that every label is one of ``0 .. num_classes - 1``, or the one that is ignored.

    Raises
    ------
    InputError
        With the labels that are not.
    """
    low, high = int(values.min()), int(values.max())
    if low >= 0 and high < num_classes:
        return
    unknown = [int(v) for v in np.unique(values) if not 0 <= v < num_classes and v != ignored]
    if unknown:
        raise InputError(
            f"The annotation has labels {unknown[:8]}, the model has {num_classes} classes (0 to {num_classes - 1}). "
            "Give num_classes as many, or map the labels first."
        )


def check_weights(weights: Sequence[float] | None) -> list[float] | None:
    """Return class weights as a list of floats, or None."""
    if weights is None:
        return None
    values = [float(w) for w in weights]
    if not values or min(values) < 0 or max(values) <= 0:
        raise InputError(f"Class weights are zero or more, at least one above zero, got {weights!r}.")
    return values


def check_weight_count(weights: Sequence[float], num_classes: int) -> None:
    """Check that there is a weight for each class.

    Raises
    ------
    InputError
        If there are more or fewer.
    """
    if len(weights) != num_classes:
        raise InputError(f"The model has {num_classes} classes, got {len(weights)} class weights: {list(weights)}.")


def class_weight_tensor(ops: Any, logits: Any, weights: Sequence[float] | None) -> Any:
    """Return the class weights as a tensor of the kind and on the device of `logits`, or None.

    Raises
    ------
    InputError
        If there are more or fewer weights than classes.
    """
    if weights is None:
        return None
    check_weight_count(weights, logits.shape[1])
    zero = ops.zeros_like(ops.mean(logits))
    return ops.stack([zero + weight for weight in weights])
