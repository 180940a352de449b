"""The page of the zoo, `docs/zoo.md`, made from the cards and the benchmark's result files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _zoo_cases import algorithm_of

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

Made by `python benchmarks/zoo.py`; edit that, not this page. Machines, dates and versions are in
`benchmarks/results/zoo/`, one file per line of the tables.

## OpenMedIA's table beside ours

OpenMedIA (Zhuang et al. 2022) lists seventeen algorithms and what each reaches with PyTorch and with MindSpore; nine of
the thirty-four places of its Table 2 are empty (ten by its Table 1). Here both frameworks run the one definition of
each algorithm.

**What can be compared, and what cannot.** OpenMedIA's figures are for the full networks on their own data sets (LUNA16,
MoNuSeg, MM-WHS, FFCV and others), most of which may not be passed on. Ours are for small configurations, trained for
minutes on two CPU cores, on the data named in the table. They say that an algorithm learns, by how much it beats a
naive answer on the same test cases, and that the frameworks agree; not that one implementation is better than another.

"""

_LEARNT = """
**Bold** beats the naive answer of the same line by the margin stated at the end of this page; "missed" does not. Both
frameworks train by the same recipe from the same seed; what that takes is in the last column of the next table: ten
minutes of processor time at most. The losses of every epoch are beside the result files (`.jsonl`).
No GPU was at hand: there is no GPU column. A dash was not measured.

Sets of forty pictures and fewer are cross-validated: each picture is tested once, by a model that learnt from those of
the other folds (nuclei: two folds; polyps: five), as its last epoch left it. The score is the mean of the folds.

The same seed draws other weights on each framework, which is why the columns differ. From the same weights they do not:
fifty steps of 3d-unet on hippocampus gave the same losses to the third decimal (1.529 and 1.528 at the end).

What to know when reading it:

- **weakly-lesion-localisation, ts-cam**: the naive answer is the brightness of a pixel within the range of its picture
  (0.150). Brightness on the scale of the file, from 0 to 255, is worth more (0.274), and the networks now see it;
  of the four figures only one is above that.
- **lung-nodule-transformer**: DETR from scratch found nothing in real blood cells within 1,500 steps, so it learns the
  phantom's; its figure cannot be compared with those of the other detectors.
- **cd-net, han-net**: Otsu's threshold is a strong answer on fluorescence (AJI up to 0.93) and none on stained tissue,
  of which each fold has few pictures to learn from. Han-Net's boundary weighs three times as much as the rest: where it
  is missed, nuclei that touch are one.
- **lod-net:polyps**: five pictures say little, and the recipe was chosen on them; seeds 1 and 2 gave 0.452 and 0.398
  on PyTorch. Learning from four, the mean mask itself gives 0.349, and calling everything a polyp 0.336. The margin was
  0.1 as long as three were learnt from, with 0.230 for the mean mask. Pictures are shown small, blurred and recoloured:
  in detail four pictures have nothing in common with the fifth.
- **mtcsn**: what is scored is the Dice of the tissues; one of the three is hardly found (0.23 on PyTorch).
- **u-csrnet**: the mean hides that platelets, seven per cent of the cells, are hardly found (F1 0.00 and 0.03).

## What it costs

PyTorch / MindSpore, on two cores with nothing else to do. A step is one update with a batch of the recipe, a prediction
one test picture from volume to answer; memory is the worker's peak. Training is processor time of the run that gave
the score, validation included (folds have none); of folds, the longest. Those runs shared the two cores with others,
which lengthens them, and were made on two machines. On MindSpore those dated before 2026-11-25 in the result files are
from before networks were compiled for training (design note 0009), which would shorten them.

"""

FRAMEWORKS = ("torch", "mindspore")


def write(results: dict[str, Any], path: Path) -> None:
    """Write the page for the results there are."""
    parts = [_HEAD, _scores(results), _LEARNT, _costs(results), "\n## The naive answers\n\n", _naive(results)]
    path.write_text("".join(parts), encoding="utf-8")


def _scores(results: dict[str, Any]) -> str:
    rows = [
        "| algorithm | task | OpenMedIA: original → PyTorch / MindSpore | data, metric | naive | PyTorch | MindSpore |",
        "|---|---|---|---|---|---|---|",
    ]
    for card in zoo.cards():
        if card.name not in OPENMEDIA:
            continue
        rows += [_row(name, card, found) for name, found in results.items() if algorithm_of(name) == card.name]
    return "\n".join(rows) + "\n"


def _row(name: str, card: zoo.Card, found: dict[str, Any]) -> str:
    first = next((found[f"score-{side}"] for side in FRAMEWORKS if f"score-{side}" in found), None)
    what = f"{first['data']}, {first['metric']}" if first else "not measured yet"
    naive = found.get("baseline")
    ours = [_score(found.get(f"score-{side}"), naive) for side in FRAMEWORKS]
    shown = f"{naive['score']:.3f}" if naive else "–"
    published = _published(name) if name in OPENMEDIA else "–"
    return f"| {name} | {card.task} | {published} | {what} | {shown} | {' | '.join(ours)} |"


def _costs(results: dict[str, Any]) -> str:
    rows = [
        "| algorithm | configuration | parameters | GMACs | step (s) | predict (s) | memory (MB) | training (CPU s) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        costs = [found.get(f"cost-{side}", {}) for side in FRAMEWORKS]
        scores = [found.get(f"score-{side}", {}) for side in FRAMEWORKS]
        one, run = costs[0] or costs[1], scores[0] or scores[1]
        if not one or not run:
            continue
        macs = next((f"{cost['macs'] / 1e9:.2f}" for cost in costs if cost.get("macs")), "–")
        options = ", ".join(f"{key}={value}" for key, value in run["options"].items())
        columns = [_pair(costs, key) for key in ("step_seconds", "inference_seconds", "peak_memory_mb")]
        cells = [name, options, f"{one['parameters']:,}", macs, *columns, _pair(scores, "train_cpu_seconds")]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _naive(results: dict[str, Any]) -> str:
    return "".join(
        f"- **{name}**: {found['baseline']['what']}; to be beaten by {found['baseline']['margin']}.\n"
        for name, found in results.items()
        if "baseline" in found
    )


def _published(name: str) -> str:
    metric, *values = OPENMEDIA[name]
    original, torch, mindspore = (f"{value:.2f}" if value is not None else "–" for value in values)
    return f"{metric}, {original} → {torch} / {mindspore}"


def _score(entry: dict[str, Any] | None, naive: dict[str, Any] | None) -> str:
    if not entry:
        return "–"
    # rounded as the figures of the file are: 0.8 is not below 0.5 + 0.3
    met = naive is not None and round(entry["score"] - naive["score"] - naive["margin"], 6) >= 0
    return f"**{entry['score']:.3f}**" if met else f"{entry['score']:.3f} (missed)"


def _pair(sides: list[dict[str, Any]], key: str) -> str:
    return " / ".join(f"{side[key]:g}" if key in side else "–" for side in sides)
