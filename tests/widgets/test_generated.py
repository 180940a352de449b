"""The TypeScript of what the widgets say and hear is written from Python; that it is up to date, and that it counts."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
import traitlets as t

from workbench.widgets.messages import synced
from workbench.widgets.panel import Panel

WIDGETS = Path(__file__).resolve().parents[2] / "widgets"
TSC = WIDGETS / "node_modules" / "typescript" / "bin" / "tsc"

spec = importlib.util.spec_from_file_location("generate", WIDGETS / "generate.py")
assert spec is not None
assert spec.loader is not None
generate: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


class Row(TypedDict):
    """A row."""

    name: str
    place: Annotated[tuple[float, float], "Where it is."]
    kind: Literal["a", "b"]
    more: NotRequired[list[int | None]]


class Sample(Panel):
    """Shows rows."""

    _esm = ""
    rows = synced(list[Row], t.List(t.Dict(), help="All of them"))
    mode = t.Enum(("one", "two"), "one").tag(sync=True)
    hidden = t.Int(0)
    actions = {"take": "take", "go": "go"}
    questions = {"list": "list_rows"}

    def take(self, number: int, rows: list[Row] | Path | Sample = (), **options: Any) -> NotThere:  # noqa: F821
        """Take some."""

    def go(self) -> None:
        """Go."""

    def list_rows(self, folder: str | None = None) -> dict[str, Row]:
        """List all."""
        return {}


def written(kind: type) -> str:
    home = generate.Files().module(__name__)
    home.named(kind)
    return str(home.text())


def test_what_is_committed_is_what_python_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_a_file_that_is_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--out", str(tmp_path)]) == 0
    assert generate.main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "viewer.ts").write_text("export {};\n")
    (tmp_path / "of_old.ts").write_text("export {};\n")
    assert generate.main(["--out", str(tmp_path), "--check"]) == 1
    assert "of_old.ts, viewer.ts" in capsys.readouterr().out
    assert generate.main(["--out", str(tmp_path)]) == 0
    assert generate.main(["--out", str(tmp_path), "--check"]) == 0


def test_a_widget_is_written_with_its_own_traits_actions_and_questions() -> None:
    text = written(Sample)
    for line in (
        '  state: Panel["state"] & {',
        "    /** All of them */\n    rows: Row[];",
        '    mode: "one" | "two";',
        "    /** Take some. */\n    take: { number: number; rows?: Row[] | string };",
        "    go: Record<string, never>;",
        "    list: { asks: { folder?: string | null }; answer: Record<string, Row> };",
        "  /** Where it is. */\n  place: [number, number];",
        '  kind: "a" | "b";',
        "  more?: (number | null)[];",
    ):
        assert line in text, text
    assert "hidden" not in text
    assert "layout" not in text, "what ipywidgets gives to each widget is nobody's business"


def test_a_trait_that_says_too_little_is_refused() -> None:
    class Vague(Panel):
        """Says nothing of its rows."""

        rows = t.List(t.Dict()).tag(sync=True)

    with pytest.raises(TypeError, match=r"Vague.rows is a Dict: say what is in it, as synced\(list\[Row\]"):
        written(Vague)


@pytest.mark.slow
def test_typescript_finds_a_wrong_name(tmp_path: Path) -> None:
    if not TSC.is_file():
        pytest.skip("node_modules is not installed: run `npm ci` in widgets/")
    node = shutil.which("node") or pytest.skip("node is not installed")
    shutil.copytree(WIDGETS / "src", tmp_path / "src")
    (tmp_path / "wrong.ts").write_text(
        """
import type { ExplainPanel } from "./src/generated/explain_panel";
import type { FromPython } from "./src/viewer/protocol";
import { Scope } from "./src/ui/model";
declare const scope: Scope<ExplainPanel>;
scope.get("methud");
scope.set({ target: "voxels" });
scope.get("maps")[0].opacty;
scope.act("map", { number: 1, visble: true });
scope.act("epoch");
scope.act("explane");
declare const message: FromPython;
if (message.type === "brick") message.windo;
scope.get("method").length; scope.act("epoch", { index: 1 }); scope.act("run");
"""
    )
    (tmp_path / "node_modules").symlink_to(WIDGETS / "node_modules")
    options = {"types": [], "noUnusedLocals": False}
    base = str(WIDGETS / "tsconfig.json")
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({"extends": base, "compilerOptions": options, "include": ["wrong.ts"]})
    )
    command = [node, str(TSC), "--project", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = {int(line) for line in re.findall(r"wrong\.ts\((\d+),", told)}
    assert found == {6, 7, 8, 9, 10, 11, 13}, told
