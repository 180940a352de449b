"""What a training step on MindSpore costs: compiled, in PyNative mode, and beside torch; and layer by layer.

    python benchmarks/mindspore_step.py

The same steps of the same networks on the same batches, each in a process of its own, which take turns. The layers are
those that ours are made of other operators than MindSpore's own, and the peer is that operator: forward and backward.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import _report
import numpy as np

#: Networks in the configurations of the zoo's benchmark, channels and classes, inputs.
NETWORKS: dict[str, tuple[dict[str, Any], int, int, tuple[int, ...]]] = {
    "covid-transformer": ({"variant": "small", "patch": 8, "image_size": 64}, 1, 2, (16, 1, 64, 64)),
    "ts-cam": ({"variant": "small", "image_size": 96}, 1, 2, (32, 1, 96, 96)),
    "han-net": ({"variant": "small"}, 3, 2, (2, 3, 128, 128)),
    "2d-unet": ({"width": 16, "depth": 4}, 1, 2, (16, 1, 64, 64)),
    "unetr": ({"variant": "small"}, 1, 3, (2, 1, 32, 48, 32)),
}
WAYS = {"torch": ("torch", False), "pynative": ("mindspore", False), "compiled": ("mindspore", True)}
ROUNDS, STEPS = 2, 10


def time_steps(name: str, way: str) -> dict[str, float]:
    """Return the seconds of the first step, and the median of those after it."""
    from workbench import zoo
    from workbench.frameworks import OptimizerSpec

    options, channels, classes, shape = NETWORKS[name]
    framework, compiled = WAYS[way]
    model = zoo.create(name, framework=framework, in_channels=channels, num_classes=classes, **options)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=shape).astype(np.float32)
    labels: Any = {"label": rng.integers(0, classes, shape[0])}
    if model.task.kind == "segmentation":
        labels = {"label": rng.integers(0, classes, (shape[0], *shape[2:]))}
    elif model.task.kind == "instances":
        labels = {"mask": rng.integers(0, 3, (shape[0], *shape[2:]))}
    trainer = model.framework.trainer(model.module, model.task.make_loss(), OptimizerSpec(), compiled=compiled)
    seconds = []
    for step in range(STEPS + 3):
        began = time.perf_counter()
        trainer.step(inputs, labels, step_seed=step, lr=1e-4)
        seconds.append(time.perf_counter() - began)
    return {"first": seconds[0], "step": statistics.median(seconds[3:])}


def layers() -> dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[tuple[int, ...], ...]]]:
    """Return, by name, what ours does, what MindSpore's own operator does, and the shapes of their tensors."""
    import mindspore as ms
    from mindspore import ops
    from mindspore.ops import operations as P

    from workbench.frameworks import get

    nn, F, _ = get("mindspore").vocabulary
    label = ms.Tensor(np.random.default_rng(0).integers(0, 9, (4, 128, 128)), ms.int32)
    convolution = nn.Conv2d(48, 8, 3, padding=1, bias=False).train()
    plain = P.Conv2D(8, (3, 3), 1, "pad", (1, 1, 1, 1))
    norm = nn.LayerNorm(96)
    instance = nn.InstanceNorm3d(8).train()
    return {
        "max pool 3, stride 2, padding 1": (
            lambda x: F.max_pool2d(x, 3, 2, 1),
            lambda x: ops.max_pool2d(x, 3, 2, 1),
            ((8, 16, 64, 64),),
        ),
        "cross entropy of 9 classes": (
            lambda x: F.cross_entropy(x, label),
            lambda x: ops.cross_entropy(x, label),
            ((4, 9, 128, 128),),
        ),
        "convolution of 48 to 8 channels": (
            lambda x, w: convolution.quick[0](x, w),
            lambda x, w: plain(x, w),
            ((2, 48, 128, 128), (8, 48, 3, 3)),
        ),
        "layer norm": (norm, lambda x: P.LayerNorm(-1, -1, 1e-5)(x, norm.weight, norm.bias)[0], ((16, 145, 96),)),
        "instance norm of volumes": (
            instance,
            lambda x: ops.group_norm(x, 8, instance.unit, instance.zero, 1e-5),
            ((2, 8, 32, 48, 32),),
        ),
        "nearest, twice the size": (
            lambda x: F.interpolate(x, scale_factor=2),
            lambda x: ops.interpolate(x, size=(128, 128), mode="nearest"),
            ((2, 16, 64, 64),),
        ),
        "exact GELU": (F.gelu, lambda x: ops.gelu(x, "none"), ((2320, 384),)),
    }


def time_layers() -> dict[str, dict[str, float]]:
    """Return milliseconds forward and backward of ours and of MindSpore's own, taking turns."""
    import mindspore as ms

    found = {}
    rng = np.random.default_rng(1)
    for name, (ours, own, shapes) in layers().items():
        tensors = [ms.Tensor(rng.normal(size=shape).astype(np.float32)) for shape in shapes]
        places = tuple(range(len(tensors)))
        both = [ms.grad(lambda *x, f=f: f(*x).mean(), places) for f in (ours, own)]
        seconds: list[list[float]] = [[], []]
        for turn in range(2 * STEPS + 4):
            began = time.perf_counter()
            gradient = both[turn % 2](*tensors)
            (gradient[0] if isinstance(gradient, tuple) else gradient).asnumpy()
            if turn >= 4:
                seconds[turn % 2].append(time.perf_counter() - began)
        mine, theirs = (1000 * statistics.median(column) for column in seconds)
        found[name] = {
            "ours_ms": round(mine, 2),
            "mindspore_ms": round(theirs, 2),
            "mindspore_over_ours": round(theirs / mine, 2),
        }
    return found


def main() -> None:
    """Time networks and layers, each in processes of their own, and write the result file."""
    if len(sys.argv) > 1:
        print("RESULT " + json.dumps(time_layers() if sys.argv[1] == "layers" else time_steps(*sys.argv[1:])))
        return
    results: dict[str, Any] = {"networks": {}, "layers": _alone("layers")}
    for name in NETWORKS:
        rounds = [{way: _alone(name, way) for way in WAYS} for _ in range(ROUNDS)]
        steps = {way: statistics.median(one[way]["step"] for one in rounds) for way in WAYS}
        results["networks"][name] = {
            **{f"{way}_ms": round(1000 * value, 1) for way, value in steps.items()},
            "compiling_s": round(statistics.median(one["compiled"]["first"] for one in rounds), 1),
            "pynative_over_compiled": round(steps["pynative"] / steps["compiled"], 2),
            "compiled_over_torch": round(steps["compiled"] / steps["torch"], 2),
        }
        print(name, results["networks"][name], flush=True)
    for name, figures in results["layers"].items():
        print(name, figures)
    _report.save("mindspore_step", results)


def _alone(*what: str) -> Any:
    done = subprocess.run([sys.executable, __file__, *what], capture_output=True, text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))[7:])


if __name__ == "__main__":
    main()
