"""The sub-commands and their arguments."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import workbench
from workbench.cli._explain_score import add_explain_score, explain_score
from workbench.errors import WorkbenchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 an error that was explained, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["lab"]:
            # most of its options are JupyterLab's own
            from workbench.cli._lab import lab

            return lab(given[1:])
        if given[:1] == ["tool"] and len(given) > 1 and not given[1].startswith("-"):
            # its options are those of the tool that is named
            from workbench.cli._tool import tool

            return tool(given[1:])
        options = _parser().parse_args(given)
        code: int = options.run(options)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `workbench datasets | head`
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("workbench: stopped", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description=(workbench.__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"workbench {workbench.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _add(commands, "doctor", _doctor, "say what works here, and the command that mends what does not")
    command.add_argument("--json", action="store_true", help="print the findings as JSON")

    for name, words in (("info", "describe an image file or DICOM folder"), ("read", "the same as info")):
        command = _add(commands, name, _info, words)
        command.add_argument("path", help="file or folder")
        command.add_argument(
            "--series", help="which series of a DICOM folder: the end of its uid, as the error lists it"
        )
        command.add_argument("--json", action="store_true", help="print the description as JSON")

    command = _add(commands, "datasets", _datasets, "list the data sets, or show one card")
    command.add_argument("name", nargs="?", help="a data set")
    command = _add(commands, "zoo", _zoo, "list the algorithms, or show one card")
    command.add_argument("name", nargs="?", help="an algorithm")
    command = _add(commands, "tool", _tools, "list the tools, or run one on files")
    command.add_argument("name", nargs="?", help="a tool; `workbench tool NAME --help` shows its options")
    command.add_argument("files", nargs=argparse.REMAINDER, help="INPUT OUTPUT [--option VALUE ...]")
    add_explain_score(_add(commands, "explain-score", explain_score, "score maps of several methods over a data set"))
    where = "that of WORKBENCH_RUNS; without it every folder in which runs were started, and the one for new runs"
    for name, words in (
        ("jobs", "list the jobs of every kind, newest first"),
        ("runs", "list the training runs alone"),
    ):
        command = _add(commands, name, _jobs, words)
        command.set_defaults(listed=name)
        command.add_argument("folder", nargs="?", help=f"a folder of {name} (default: {where})")
        command.add_argument(
            "--start", action="store_true", help="first start again what was waiting when the machine went off"
        )

    command = _add(commands, "download", _download, "fetch the data of a data set into the cache")
    command.add_argument("name", help="a data set")
    command.add_argument("--size", type=int, default=28, help="picture size, for MedMNIST (default: 28)")

    # for the list of commands only: see `main`
    commands.add_parser("lab", help="open JupyterLab", add_help=False)
    return parser


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
    sentence = f"{words[0].upper()}{words[1:]}."
    command: argparse.ArgumentParser = commands.add_parser(name, help=words, description=sentence)
    command.set_defaults(run=run)
    return command


def _doctor(options: argparse.Namespace) -> int:
    from workbench.cli import _doctor

    findings = _doctor.examine()
    print(json.dumps([f.to_dict() for f in findings], indent=2) if options.json else _doctor.report(findings))
    return 0 if _doctor.core_is_fine(findings) else 1


def _info(options: argparse.Namespace) -> int:
    from workbench import io

    volume = io.read(options.path, **({} if options.series is None else {"series": options.series}))
    facts = {
        "kind": volume.kind,
        "shape": [*volume.shape],
        "axes": [*volume.axes],
        "spacing_mm": [round(s, 6) for s in volume.spacing],
        "orientation": volume.orientation,
        "space": volume.space,
        "dtype": str(volume.dtype),
        "unit": volume.unit,
        "megabytes": round(volume.nbytes / 1e6, 3),
        "minimum": volume.data.min().item(),
        "maximum": volume.data.max().item(),
        "labels": {str(value): name for value, name in volume.labels.items()},
        "affine": volume.affine.tolist(),
        "notes": [*volume.notes],
    }
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    # what the file does not say is not shown to people; a program gets it, and `space` beside it
    claimed = {"patient": (), "object": ("orientation",), "pixels": ("spacing_mm", "orientation")}[volume.space]
    for name, value in facts.items():
        if name == "affine":
            for row, line in enumerate(volume.affine):
                print(f"{'affine' if row == 0 else '':<13}" + " ".join(f"{number:10.4f}" for number in line))
        elif name not in claimed and value not in ("", [], {}):
            print(f"{name:<13}{' x '.join(map(str, value)) if name in {'shape', 'spacing_mm'} else value}")
    return 0


def _datasets(options: argparse.Namespace) -> int:
    from workbench import datasets

    print(datasets.list() if options.name is None else datasets.card(options.name))
    return 0


def _zoo(options: argparse.Namespace) -> int:
    from workbench import zoo

    print(zoo.list() if options.name is None else zoo.card(options.name))
    return 0


def _tools(options: argparse.Namespace) -> int:
    del options
    from workbench import tools

    print(tools.list())
    return 0


def _jobs(options: argparse.Namespace) -> int:
    from workbench.jobs.executors.local import revive

    if options.start:
        revive()
    return _list_jobs(options)


def _list_jobs(options: argparse.Namespace) -> int:
    from workbench import training
    from workbench._tables import as_text
    from workbench.jobs.listing import jobs

    found: Any = jobs(options.folder) if options.listed == "jobs" else training.runs(options.folder)
    if not found:
        print(f"No {options.listed} in {options.folder}." if options.folder else found.nothing)
    else:
        print(as_text((*found.head, "folder"), [(*found.row(one), str(one.path)) for one in found]))
    return 0


def _download(options: argparse.Namespace) -> int:
    from workbench import datasets

    shows = sys.stderr.isatty()

    def progress(done: int, total: int | None) -> None:
        if shows:
            share = f"{done / total:4.0%} of {total / 1e6:,.1f} MB" if total else f"{done / 1e6:,.1f} MB"
            print(f"\r{options.name}: {share}", end="", file=sys.stderr, flush=True)

    place = datasets.download(options.name, size=options.size, progress=progress)
    if shows:
        print(file=sys.stderr)
    print(place)
    return 0
