"""What every tool promises.

- It says what it is: name, title, a sentence, a group, a reference; it is found by either spelling of its name.
- What comes out is of the kind that it says, on the grid of the first input unless it says otherwise; labels keep their
  names.
- What goes in is not changed. The same call gives the same result, and so does the plain function.
- What is wrong is refused in words before anything is computed: an input of another kind, an unknown option, and for
  each option every sort of value that breaks its rule.
- A stopped `Work` raises `Cancelled`; what tells its progress is stopped on its way, and ends at one.
- It does the same from the command line, and is found by other processes.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.cli import main
from workbench.errors import Cancelled, InputError
from workbench.parameters import Parameter
from workbench.testing.grids import oblique
from workbench.tools import Table, Tool
from workbench.volume import Volume
from workbench.work import IDLE, Work


class ToolContract:
    """Inherit, set `name`, and give a fixture `inputs`."""

    name: ClassVar[str]
    #: Options of the call that is tried, such that it does something.
    options: ClassVar[Mapping[str, Any]] = {}
    #: Ending of the files that inputs and results are written into.
    suffix: ClassVar[str] = ".nii.gz"

    @pytest.fixture
    def affine(self) -> np.ndarray:
        """For inputs: oblique, with flipped axes and voxels that are no cubes."""
        return oblique()

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        """What goes in, by name, in order: with a non-identity affine and voxels that are no cubes."""
        raise NotImplementedError(f"{type(self).__name__} must give a fixture `inputs` of its own.")

    @pytest.fixture
    def tool(self) -> Tool:
        return wb.tools.get(self.name)

    def run(self, tool: Tool, inputs: Mapping[str, Any], work: Work = IDLE) -> Any:
        return tool(**inputs, **self.options, work=work)

    def test_it_says_what_it_is(self, tool: Tool) -> None:
        assert tool.name == self.name
        for words in (tool.title, tool.summary, tool.group, tool.reference):
            assert words == words.strip()
            assert words
        assert tool.summary.endswith(".")
        card = repr(wb.tools.card(self.name))
        for words in (tool.title, tool.summary, tool.reference, *tool.parameters, *tool.inputs, *tool.outputs):
            assert words in card
            assert words.split("'")[0] in wb.tools.card(self.name)._repr_html_()
        undocumented = [name for name, parameter in tool.parameters.items() if not parameter.help]
        assert undocumented == [], "each option is explained in the docstring"

    def test_every_option_can_be_checked_and_typed(self, tool: Tool) -> None:
        assert [name for name, parameter in tool.parameters.items() if parameter.kind == "any"] == []
        assert not any(parameter.required for parameter in tool.parameters.values())

    def test_it_is_found(self, tool: Tool) -> None:
        python = self.name.replace("-", "_")
        assert wb.tools.get(python) is tool
        assert getattr(wb.tools, python) is tool
        assert python in dir(wb.tools)
        assert tool in wb.tools.list()
        assert pickle.loads(pickle.dumps(tool)) is tool  # noqa: S301 - as a process does that is sent it

    def test_what_comes_out_is_what_it_says(self, tool: Tool, inputs: dict[str, Any]) -> None:
        first = next(iter(inputs.values()))
        for name, result in tool.results(self.run(tool, inputs)):
            port = tool.outputs[name]
            if port.kind == "table":
                assert isinstance(result, Table)
                assert len(result)
                continue
            assert isinstance(result, Volume)
            assert result.kind == (first.kind if port.kind == "volume" else port.kind)
            assert result.space == first.space
            if port.grid == "kept":
                assert result.spatial_shape == first.spatial_shape
                assert np.array_equal(result.affine, first.affine)
            if result.kind == first.kind == "labels":
                assert result.labels == first.labels
                assert result.dtype == first.dtype

    def test_what_goes_in_is_not_changed(self, tool: Tool, inputs: dict[str, Any]) -> None:
        before = {name: (_values(value), repr(value)) for name, value in inputs.items()}
        self.run(tool, inputs)
        assert {name: (_values(value), repr(value)) for name, value in inputs.items()} == before

    def test_the_same_call_gives_the_same(self, tool: Tool, inputs: dict[str, Any]) -> None:
        first = self.run(tool, inputs)
        places = tool(*inputs.values(), **self.options) if [*inputs] == [*tool.inputs][: len(inputs)] else first
        plain = tool.function(**inputs, **{name: _as_code(value) for name, value in self.options.items()})
        for again in (self.run(tool, inputs), places, plain):
            assert [_values(one) for _, one in tool.results(again)] == [_values(one) for _, one in tool.results(first)]

    def test_inputs_of_another_kind_are_refused(self, tool: Tool, inputs: dict[str, Any], untouched: Any) -> None:
        for name, port in tool.inputs.items():
            for wrong in (np.zeros((2, 3)), "ct.nii.gz", Path("ct.nii.gz"), 3, *([] if port.optional else [None])):
                with pytest.raises(InputError, match=f"{self.name} takes a .* as '{name}', got {type(wrong).__name__}"):
                    self.run(tool, {**inputs, name: wrong})
            for kind in ("image", "labels", "scores"):
                if port.kind in ("volume", "table", kind) or not isinstance(inputs.get(name), Volume):
                    continue
                data = np.zeros(inputs[name].shape, np.uint8)
                with pytest.raises(InputError, match=rf"got one of kind '{kind}'\. .*with_meaning"):
                    self.run(tool, {**inputs, name: Volume(data, inputs[name].affine, kind=kind)})
        required = [name for name, port in tool.inputs.items() if not port.optional]
        with pytest.raises(InputError, match=f"{self.name} needs a .* as '{required[0]}', got nothing"):
            self.run(tool, {})

    def test_an_unknown_option_names_the_nearest(self, tool: Tool, inputs: dict[str, Any], untouched: Any) -> None:
        known = [*tool.parameters] or [*tool.inputs][1:]
        for name in known:
            wrong = f"{name}x"
            with pytest.raises(InputError, match=f"{self.name} got an unknown option '{wrong}'. Did you mean '{name}'"):
                tool(**inputs, **{wrong: 1})

    def test_values_that_break_a_rule_are_refused(self, tool: Tool, inputs: dict[str, Any], untouched: Any) -> None:
        for name, parameter in tool.parameters.items():
            for wrong in _wrong(parameter):
                with pytest.raises(InputError) as refused:
                    tool(**inputs, **{**self.options, name: wrong})
                said = str(refused.value)
                assert said.startswith(f"{self.name}: {name} must be {parameter.rule}, got "), said
                assert len(said.rpartition(", got ")[2].split(". ")) > 1, f"it says no remedy: {said}"

    def test_what_was_cancelled_is_not_begun(self, tool: Tool, inputs: dict[str, Any], untouched: Any) -> None:
        work = Work()
        work.stop()
        with pytest.raises(Cancelled):
            self.run(tool, inputs, work)

    def test_it_is_cancelled_on_its_way(self, tool: Tool, inputs: dict[str, Any], capfd: Any) -> None:
        if not tool.takes_work:
            pytest.skip(f"{self.name} is too quick to tell how far it is")
        told: list[float] = []

        def stop(fraction: float, _text: str) -> None:
            told.append(fraction)
            work.stop()

        work = Work(stop)
        with pytest.raises(Cancelled):
            self.run(tool, inputs, work)
        assert len(told) == 1
        assert capfd.readouterr().err == ""

    def test_progress_rises_to_one(self, tool: Tool, inputs: dict[str, Any]) -> None:
        if not tool.takes_work:
            pytest.skip(f"{self.name} is too quick to tell how far it is")
        told: list[float] = []
        self.run(tool, inputs, Work(lambda fraction, text: told.append(fraction)))
        assert told == sorted(told)
        assert told[-1] == 1

    def test_it_runs_from_the_command_line(
        self, tool: Tool, inputs: dict[str, Any], tmp_path: Path, capsys: Any
    ) -> None:
        words = []
        read = {}
        for name, value in inputs.items():
            file = wb.write(value, tmp_path / f"{name}{self.suffix}")
            read[name] = wb.read(file, kind=value.kind)
            words += [f"--{name}", str(file)] if tool.inputs[name].optional else [str(file)]
        made = self.run(tool, read)
        files = {name: tmp_path / f"out-{name}{self.suffix}" for name in tool.outputs}
        files |= {name: tmp_path / f"{name}.csv" for name, port in tool.outputs.items() if port.kind == "table"}
        flags = _flags(tool, self.options)
        assert main(["tool", self.name, *words, *map(str, files.values()), *flags]) == 0
        for name, result in tool.results(made):
            if isinstance(result, Table):
                assert files[name].read_text("utf-8") == result.to_csv()
            else:
                found = wb.read(files[name], kind=result.kind)
                np.testing.assert_array_equal(found.data, result.data)
                np.testing.assert_allclose(found.affine, result.affine, atol=1e-4)
        capsys.readouterr()
        assert main(["tool", self.name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert tool.summary in shown
        assert all(f"--{name.replace('_', '-')}" in shown for name in tool.parameters)

    def test_wrong_options_of_the_command_line_are_wrong_usage(
        self, tool: Tool, tmp_path: Path, capsys: Any, untouched: Any
    ) -> None:
        files = [str(tmp_path / f"{number}{self.suffix}") for number in range(len(tool.outputs))]
        files += [str(tmp_path / f"in-{name}") for name, port in tool.inputs.items() if not port.optional]
        for name, parameter in tool.parameters.items():
            if parameter.kind in ("flag", "text", "path"):
                continue
            assert main(["tool", self.name, *files, f"--{name}=wrong"]) == 2
            told = capsys.readouterr().err
            assert f"{name} must be {parameter.rule}, got 'wrong'" in told
        assert main(["tool", self.name, *files, "--no-such-option=3"]) == 2
        assert "unknown option 'no_such_option'" in capsys.readouterr().err

    @pytest.fixture
    def untouched(self, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing may be computed."""

        def computes(*given: Any, **options: Any) -> Any:
            raise AssertionError("it was refused too late")

        monkeypatch.setattr(tool, "function", computes)


def _values(value: Any) -> Any:
    """What there is in a Volume or a table, to be compared."""
    return value.to_csv() if isinstance(value, Table) else (value.data.tobytes(), value.dtype, value.unit, value.notes)


def _as_code(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def _wrong(parameter: Parameter) -> list[Any]:
    """Values of every sort that break the rule of a parameter."""
    found: list[Any] = [object(), {"a": 1}]
    if parameter.default is not None and not parameter.optional:
        found.append(None)
    if parameter.kind == "flag":
        found += ["yes", 1, 0.0]
    elif parameter.kind == "choice":
        found += [f"{parameter.choices[0]}s", "", 3, [parameter.choices[0]]]
    elif parameter.kind in ("integer", "number"):
        single: list[Any] = ["two", True, float("nan"), float("inf"), 1j]
        single += [1.5] if parameter.kind == "integer" else []
        for limit, past in ((parameter.low, -1), (parameter.high, 1), (parameter.above, 0), (parameter.below, 0)):
            if limit is not None:
                single += [limit + past, limit + 1000 * past] if past else [limit]
        found += [[one] for one in single] if parameter.many else single
        found += [3] if parameter.many else []
        found += [[], *([1, one] for one in single)] if parameter.per_axis else []
        if not parameter.many and not parameter.per_axis:
            found.append([1, 2])
    elif parameter.kind in ("text", "path"):
        found += [3, True, ["a"]]
    return found


def _flags(tool: Tool, options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if tool.parameters[name].kind == "flag":
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
            words.append(f"--{flag}={text}")
    return words
