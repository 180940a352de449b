"""Prediction of whole volumes against MONAI's sliding windows, in one run: same network, same windows, same machine.

    python benchmarks/predict.py [--repeats 3] [--cases full,small,picture] [--save]

Each contender runs once per repeat, in turns, so that a busy moment hits all of them; the median counts. MONAI runs
under ``torch.inference_mode`` with one and with four windows at a time, plain and with the network in channels-last
layout; the best of these is what ours is compared with. Ours runs as by default (float32), and with
``precision="auto"``, which uses bfloat16 where the processor has it and a trial stays within 1e-3. The probabilities
must agree to 1e-3. With ``--save`` the cases that ran replace those of the result file; each says where it ran.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import monai.inferers
import numpy as np
import torch
from _report import load, machine, save

import workbench as wb
from workbench.training.probe import peak_memory
from workbench.volume import Volume

CASES: dict[str, dict[str, Any]] = {
    "full": {"what": "3d-unet as by default (64 maps), 144x144x112", "algorithm": "3d-unet", "shape": (144, 144, 112)},
    "small": {
        "what": "3d-unet, 16 maps, 192x192x144", "algorithm": "3d-unet", "shape": (192, 192, 144),
        "options": {"variant": "small"},
    },
    "transformer": {"what": "unetr as by default, 144x96x96", "algorithm": "unetr", "shape": (144, 96, 96)},
    "picture": {"what": "2d-unet as by default, 1536x2048", "algorithm": "2d-unet", "shape": (1536, 2048)},
}  # fmt: skip
TOLERANCE = 1e-3


def settled(model: Any) -> Any:
    """Give norms statistics of their own, as training does."""
    state = model.state()
    rng = np.random.default_rng(1)
    for name, value in state.items():
        if name.endswith("running_var"):
            state[name] = rng.uniform(0.5, 2, value.shape).astype(np.float32)
        elif name.endswith("running_mean"):
            state[name] = rng.normal(0, 0.1, value.shape).astype(np.float32)
    model.framework.load_state(model.module, state)
    return model


def with_monai(network: torch.nn.Module, inputs: torch.Tensor, *, windows: int) -> np.ndarray:
    size = (512, 512) if inputs.dim() == 4 else (96, 96, 96)
    with torch.inference_mode():
        logits = monai.inferers.sliding_window_inference(
            inputs, size, windows, network, overlap=0.5, mode="gaussian", sigma_scale=0.125
        )
        return torch.softmax(logits, dim=1)[0].numpy()


def run(case: str, repeats: int) -> dict[str, Any]:
    facts = CASES[case]
    model = settled(wb.zoo.create(facts["algorithm"], in_channels=1, num_classes=3, **facts.get("options", {})))
    # the patch that a network is trained on decides its windows; here all have the same
    data = np.random.default_rng(0).normal(size=facts["shape"]).astype(np.float32)
    volume = Volume(data)
    model.preprocess = {"intensity": {"kind": "none"}}
    inputs = torch.from_numpy(data)[None, None]
    last = torch.channels_last if inputs.dim() == 4 else torch.channels_last_3d
    # each has a network of its own, as who uses one of them has: nobody pays for what another one prepares
    layouts = {
        "": (copy.deepcopy(model.module).eval(), inputs),
        ", channels-last": (copy.deepcopy(model.module).eval().to(memory_format=last), inputs.to(memory_format=last)),
    }
    contenders: dict[str, Callable[[], np.ndarray]] = {
        f"monai, {windows} at a time{layout}": (
            lambda windows=windows, network=network, given=given: with_monai(network, given, windows=windows)
        )
        for windows in (1, 4)
        for layout, (network, given) in layouts.items()
    }
    notes: dict[str, list[str]] = {}

    def ours(precision: str) -> np.ndarray:
        found = model.probabilities(volume, precision=precision)
        notes[precision] = list(found.notes)
        return np.moveaxis(found.data, -1, 0)

    contenders["workbench"] = lambda: ours("float32")
    if model.framework.reduced(model.module) is not None:
        contenders["workbench, precision auto"] = lambda: ours("auto")
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results = {}
    busy = os.getloadavg()[0]
    names = list(contenders)
    for repeat in range(repeats):
        # nobody is always the one who comes after somebody else has filled memory and caches
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            started = time.perf_counter()
            results[name] = contenders[name]()
            seconds[name].append(time.perf_counter() - started)
            print(f"{case}: {name}: {seconds[name][-1]:.1f} s", flush=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    reference = results["monai, 1 at a time"]
    workbench = [name for name in contenders if name.startswith("workbench")]
    difference = max(float(np.abs(results[name] - reference).max()) for name in workbench)
    best = min(value for name, value in medians.items() if name not in workbench)
    if difference > TOLERANCE:
        raise SystemExit(
            f"The probabilities differ from MONAI's by {difference:g}; more than {TOLERANCE:g} is too much."
        )
    return {
        "what": facts["what"],
        "machine": {key: value for key, value in machine().items() if key in ("date", "processor", "cores")},
        "seconds, median": {name: round(value, 1) for name, value in medians.items()},
        "seconds, all": {name: [round(t, 1) for t in times] for name, times in seconds.items()},
        "times as fast as monai, 1 at a time": {
            name: round(medians["monai, 1 at a time"] / medians[name], 2) for name in workbench
        },
        "times as fast as monai at its best": {name: round(best / medians[name], 2) for name in workbench},
        "notes": notes.get("auto", []),
        "largest difference of probabilities": difference,
        "spread of probabilities": float(reference.std()),
        "load of the machine before and after": [round(busy, 1), round(os.getloadavg()[0], 1)],
        "repeats": repeats,
        "peak memory of the whole process in GB": round(peak_memory() / 1e9, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/predict.json")
    arguments = parser.parse_args()
    cases = {case: run(case, arguments.repeats) for case in arguments.cases.split(",")}
    print(json.dumps(cases, indent=2))
    if arguments.save:
        before = (load("predict") or {}).get("cases", {})
        save("predict", {"threads": torch.get_num_threads(), "cases": {**before, **cases}})


if __name__ == "__main__":
    main()
