"""The page of the zoo, `docs/zoo.md`, made from the cards and the benchmark's result file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench import zoo

#: OpenMedIA's second table: metric; original, re-implemented in PyTorch, in MindSpore.
OPENMEDIA: dict[str, tuple[Any, ...]] = {
    "covid-resnet": ("accuracy", 0.96, 0.97, 0.97),
    "covid-transformer": ("accuracy", None, 0.87, None),
    "u-csrnet": ("F1 (BCData)", 0.85, 0.85, 0.85),
    "mtcsn": ("accuracy (endoscopy)", 0.80, 0.80, 0.75),
    "2d-unet": ("Dice (2D lung)", None, 0.76, 0.76),
    "lod-net": ("Dice (ETIS)", 0.93, None, 0.91),
    "han-net": ("Dice (MoNuSeg)", 0.80, 0.80, 0.79),
    "cd-net": ("Dice (MoNuSeg)", 0.80, 0.80, 0.80),
    "3d-unet": ("Dice (MM-WHS)", 0.85, 0.88, 0.85),
    "unetr": ("Dice (MM-WHS)", None, 0.84, None),
    "weakly-lesion-localisation": ("AUC (COVID segmentation)", 0.63, 0.63, None),
    "ts-cam": ("AUC (COVID segmentation)", None, 0.50, None),
    "lung-nodules-detection": ("mAP (LUNA16)", None, None, 0.51),
    "lung-nodule-cnn": ("mAP (LUNA16)", None, 0.72, None),
    "lung-nodule-transformer": ("mAP (LUNA16)", None, 0.72, None),
    "ellipsenet-fit": ("Dice (FFCV)", 0.91, 0.91, 0.91),
    "ellipsenet": ("Dice (FFCV)", 0.93, 0.93, None),
}

_HEAD = """# The zoo in figures

Made by `python benchmarks/zoo.py`; edit that, not this page. Machine, date and versions are in
[benchmarks/results/zoo.json](../benchmarks/results/zoo.json).

## OpenMedIA's table beside ours

OpenMedIA (Zhuang et al. 2022) lists seventeen algorithms and what each reaches with PyTorch and with MindSpore; ten of
the thirty-four places are empty. Here both frameworks run the one definition of each algorithm.

**What can be compared, and what cannot.** OpenMedIA's figures are for the full networks on their own data sets (LUNA16,
MoNuSeg, MM-WHS, FFCV and others), most of which may not be passed on. Ours are for small configurations, trained for
minutes on two CPU cores, on the data named in the table. They say that an algorithm learns, by how much it beats a
naive answer on the same test cases, and that the frameworks agree; not that one implementation is better than another.

"""


def write(results: dict[str, Any], path: Path) -> None:
    """Write the page for the results there are."""
    cards = {card.name: card for card in zoo.cards()}
    rows = [
        "| algorithm | task | OpenMedIA: original → PyTorch / MindSpore | data, metric | naive | PyTorch | MindSpore |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, card in cards.items():
        found = results.get(name, {})
        first = found.get("torch") or found.get("mindspore") or {}
        what = f"{first['data']}, {first['metric']}" if first else "not measured yet"
        ours = [_score(found.get(key)) for key in ("baseline", "torch", "mindspore")]
        rows.append(
            f"| {name} | {card.task} | {_published(name) if name in OPENMEDIA else '–'} | {what} | {' | '.join(ours)} |"
        )
    costs = [
        "| algorithm | configuration | parameters | GMACs | step (s) | predict (s) | memory (MB) | training (CPU s) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        sides = [found.get("torch") or {}, found.get("mindspore") or {}]
        one = sides[0] or sides[1]
        if not one:
            continue
        macs = next((f"{side['macs'] / 1e9:.2f}" for side in sides if side.get("macs")), "")
        options = ", ".join(f"{key}={value}" for key, value in one["options"].items())
        columns = [
            _pair(sides, key) for key in ("step_seconds", "inference_seconds", "peak_memory_mb", "train_cpu_seconds")
        ]
        rows_of = [name, options, f"{one['parameters']:,}", macs, *columns]
        costs.append(f"| {' | '.join(rows_of)} |")
    naive = [
        f"- **{name}**: {found['baseline']['what']}; to be beaten by {found['baseline']['margin']}."
        for name, found in results.items()
        if "baseline" in found
    ]
    text = _HEAD + "\n".join(rows) + "\n\n## What it costs\n\nPyTorch / MindSpore, on the CPU.\n\n" + "\n".join(costs)
    text += "\n\n## The naive answers\n\n" + "\n".join(naive) + "\n"
    path.write_text(text, encoding="utf-8")


def _published(name: str) -> str:
    metric, *values = OPENMEDIA[name]
    original, torch, mindspore = (f"{value:.2f}" if value is not None else "–" for value in values)
    return f"{metric}, {original} → {torch} / {mindspore}"


def _score(entry: dict[str, Any] | None) -> str:
    return f"{entry['score']:.3f}" if entry else "–"


def _pair(sides: list[dict[str, Any]], key: str) -> str:
    return " / ".join(f"{side[key]:g}" if side else "–" for side in sides)
