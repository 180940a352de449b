"""The measured figures of the zoo's cards, taken from the benchmark's result files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from _zoo_cases import algorithm_of

from workbench import frameworks

_ZOO = Path(__file__).parents[1] / "workbench" / "zoo"
_BLOCK = re.compile(r"^measured:\n(?:  .*\n)+", re.MULTILINE)


def figures(results: dict[str, Any], algorithm: str) -> list[dict[str, Any]]:
    """Return what the result files say of an algorithm, as a card has it."""
    found = []
    for case, entry in results.items():
        if algorithm_of(case) != algorithm:
            continue
        for framework in frameworks.names():
            run = entry.get(f"score-{framework}")
            if run is None:
                continue
            options = ", ".join(f"{key} {value}" for key, value in run["options"].items())
            source = f"{frameworks.title(framework)}, {options}, {run['recipe']['epochs']} epochs on a CPU"
            if "folds" in run:
                source += f", mean of {len(run['folds'])} folds"
            if "baseline" in entry:
                source += f"; naive answer {entry['baseline']['score']:.3f}"
            found.append(
                {
                    "data": run["data"],
                    "metric": run["metric"],
                    "value": round(run["score"], 3),
                    "source": source,
                    "date": run["date"],
                }
            )
    return found


def write(results: dict[str, Any]) -> None:
    """Put the figures into the cards, in place of those of last time; the rest of a card stays as it is."""
    for file in sorted(_ZOO.glob("*/card.yaml")):
        text = file.read_text("utf-8")
        rows = figures(results, yaml.safe_load(text)["name"])
        text = _BLOCK.sub("", text)
        if rows:
            lines = [yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=1000).strip() for row in rows]
            block = "measured:\n" + "".join(f"  - {line}\n" for line in lines)
            head, mark, tail = text.partition("notes:\n")
            text = head + block + mark + tail
        file.write_text(text, "utf-8")
