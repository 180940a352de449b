"""Tool: an operation that says what goes in, what comes out and which options it takes."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, StateError, check_keywords
from workbench.parameters import Parameter, check_values
from workbench.signatures import of_function
from workbench.tools.ports import Port, port_of, ports_of_result
from workbench.volume import Volume
from workbench.work import IDLE, Work

if TYPE_CHECKING:
    from workbench.evaluation.table import Table

#: Names that mapping over a data set has taken, and may not be those of options.
RESERVED = ("tool", "dataset", "out", "processes", "sources", "suffix", "background", "work")


class Tool:
    """An operation made of a typed function; see :func:`tool`.

    It is called as the function is. What goes in and the options are checked before anything is computed, and what
    comes out is checked to be what was promised.

    Attributes
    ----------
    name : str
        ``"remove-small"``, of a function called ``remove_small``.
    title, summary : str
        What it is called, and what it does, in a sentence.
    group, reference : str
        What it is listed under; where it is published or defined.
    function : callable
        The function itself, which checks nothing.
    inputs, outputs : dict of str to Port
        What goes in and what comes out.
    parameters : dict of str to Parameter
        The options.
    takes_work : bool
        Whether it tells its progress and can be stopped on its way.
    holds : dict of str to str
        What its results depend on beside inputs and options, such as the weights of a model: what it is called, and
        text that is another one where that is another.
    """

    def __init__(self, function: Callable[..., Any], *, group: str, reference: str, title: str | None = None) -> None:
        functools.update_wrapper(self, function)
        words = function.__name__.strip("_").replace("_", " ")
        self.function = function
        self.name = words.replace(" ", "-").lower()
        self.title = title or words.capitalize()
        self.summary = (inspect.getdoc(function) or "").partition("\n")[0].strip()
        self.group, self.reference = group, reference
        hints = self._hints()
        arguments = inspect.signature(function).parameters
        found = {name: port_of(hints.get(name), name) for name in arguments}
        self.inputs: dict[str, Port] = {
            name: _optional(port, arguments[name]) for name, port in found.items() if port is not None
        }
        self.outputs: dict[str, Port] = ports_of_result(hints.get("return"))
        self.takes_work = "work" in arguments
        self.holds: dict[str, str] = {}
        self.parameters: dict[str, Parameter] = self._options()
        self._check_declaration(arguments)

    def __call__(self, *volumes: Any, work: Work = IDLE, **given: Any) -> Any:
        """Run it.

        Parameters
        ----------
        *volumes : Volume or Table
            What goes in, in the order of `inputs`; may be given by name, too.
        work : Work
            Is told of the progress, and stops it.
        **given
            Options, see `parameters`.

        Raises
        ------
        InputError
            If an input is of the wrong kind, or an option is unknown or breaks its rule.
        Cancelled
            If `work` was stopped.
        """
        inputs, options = self.check(*volumes, **given)
        if not isinstance(work, Work):
            raise InputError(
                f"{self.name} takes a workbench.work.Work as 'work', got {type(work).__name__}. Leave it out."
            )
        work.check()
        made = self.function(**inputs, **options, **({"work": work} if self.takes_work else {}))
        return self._checked(made, _first(inputs))

    def check(self, *volumes: Any, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the inputs and the value of every option, all checked; nothing is computed.

        Raises
        ------
        InputError
            If an input is of the wrong kind, or an option is unknown or breaks its rule.
        """
        if len(volumes) > len(self.inputs):
            takes = ", ".join(self.inputs)
            raise InputError(
                f"{self.name} takes {takes} without a name, got {len(volumes)} of them. Give options by name: "
                f"{self.function.__name__}({takes}, {next(iter(self.parameters), 'option')}=...)."
            )
        placed = dict(zip(self.inputs, volumes, strict=False))
        check_keywords(given, [*self.inputs, *self.parameters], self.name)
        if twice := [name for name in placed if name in given]:
            raise InputError(f"{self.name} got {twice[0]!r} twice, by place and by name. Give it once.")
        placed |= {name: given[name] for name in self.inputs if name in given}
        inputs = {}
        for name, port in self.inputs.items():
            if name not in placed and not port.optional:
                raise InputError(f"{self.name} needs {port.rule} as {name!r}, got nothing. Give it first.")
            inputs[name] = port.check(placed.get(name), self.name)
        options = self.check_options({name: given[name] for name in given if name not in self.inputs})
        self._check_axes(options, _first(inputs))
        return inputs, options

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every option.

        Raises
        ------
        InputError
            If an option is unknown or breaks its rule.
        """
        return check_values(self.parameters, given, self.name)

    def results(self, made: Any) -> Iterator[tuple[str, Volume | Table]]:
        """Yield each of what came out with its name."""
        return zip(self.outputs, made if len(self.outputs) > 1 else (made,), strict=True)

    def __reduce__(self) -> str:
        # a tool is sent to another process by its name; what was declared in a cell is not found there
        return self.function.__qualname__

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}?" if port.optional else name for name, port in self.inputs.items())
        return f"<Tool {self.name}: {inputs} -> {', '.join(self.outputs)}>"

    def _check_axes(self, options: Mapping[str, Any], first: Volume | None) -> None:
        """Raise if an option has another number of values than there are axes."""
        for name, value in options.items():
            parameter = self.parameters[name]
            if first and parameter.per_axis and isinstance(value, list) and len(value) != first.spatial_ndim:
                raise InputError(
                    f"{self.name} option {name!r} must be {parameter.rule} ({first.spatial_ndim} here), got {value!r}. "
                    "Give one for all axes, or one for each."
                )

    def _checked(self, made: Any, first: Volume | None) -> Any:
        if len(self.outputs) > 1 and not (isinstance(made, tuple) and len(made) == len(self.outputs)):
            raise StateError(
                f"{self.name} promises {', '.join(self.outputs)} as a tuple, and made {type(made).__name__}. "
                "Mend the tool."
            )
        for name, one in self.results(made):
            self.outputs[name].check_made(one, first, self.name)
        return made

    def _options(self) -> dict[str, Parameter]:
        try:
            return of_function(self.function, skip=[*self.inputs, "work"])
        except InputError as error:
            raise InputError(f"The tool {self.function.__name__}: {error}") from None

    def _hints(self) -> dict[str, Any]:
        try:
            return typing.get_type_hints(self.function, include_extras=True)
        except NameError as error:
            raise InputError(
                f"The annotations of {self.function.__name__} name what its module does not have: {error}. Import it "
                "there, and not for type checkers only."
            ) from None

    def _check_declaration(self, arguments: Mapping[str, inspect.Parameter]) -> None:
        """Raise if the function lacks what a tool must say."""
        what = f"The tool {self.function.__name__}"
        if not self.inputs or not self.outputs:
            raise InputError(
                f"{what} must say what goes in and what comes out: annotate the arguments and the result with Image, "
                "Labels, Scores, Volume or Table of workbench.tools, as in `def halve(image: Image) -> Image`."
            )
        for word, value in (("group", self.group), ("reference", self.reference)):
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"{what} needs a {word}, got {value!r}. Give @tool({word}='...').")
        if not self.summary:
            raise InputError(f"{what} needs a docstring. Its first line says what it does.")
        if any(one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY) for one in arguments.values()):
            raise InputError(f"{what} must name every argument: no *args, no **kwargs, nothing before a slash.")
        for parameter in self.parameters.values():
            if parameter.required and parameter.kind == "any":
                raise InputError(
                    f"{what} must say what its argument {parameter.name!r} is: annotate it with Image, Labels, Scores, "
                    "Volume or Table of workbench.tools where it goes in; an option has a type and a default."
                )
            if not parameter.required:
                parameter.check(parameter.default, f"{what}, the default")
        if taken := [name for name in (*self.inputs, *self.parameters) if name in RESERVED]:
            raise InputError(f"{what} cannot have an argument {taken[0]!r}: mapping over a data set has it. Rename it.")


def is_local(made: Tool) -> bool:
    """Tell whether a tool was declared in a notebook cell or a script, where no other process finds it."""
    module = getattr(made.function, "__module__", None)
    return module == "__main__" or module not in sys.modules


def _first(inputs: Mapping[str, Any]) -> Volume | None:
    """Return the Volume whose grid counts."""
    return next((one for one in inputs.values() if isinstance(one, Volume)), None)


def _optional(port: Port, argument: inspect.Parameter) -> Port:
    return replace(port, optional=port.optional or argument.default is None)
