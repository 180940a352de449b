"""What `zoo.py` trains: data, configuration, changes to the default recipe, metric and margin, for each case."""

from __future__ import annotations

from typing import Any

SMALL = {"variant": "small"}
CT = {"data": ("covid-ct", {})}
#: Pictures of 0 to 255 on one scale, as the originals take them: how bright a lesion is tells it from a vessel.
GREY = {"preprocess": {"intensity": {"kind": "window", "low": 0, "high": 255, "out": [-1, 1]}}}
CELLS = {"data": ("blood-cells", {"task": "detection"}), "metric": "map50", "margin": 0.1}
NUCLEI: dict[str, Any] = {
    "data": ("nuclei-dsb2018", {}),
    "metric": "aji",
    "margin": 0.02,
    "folds": 2,
    "train": {"patches_per_sample": 4},
}
HEADS = {"data": ("fetal-heads", {}), "metric": "dice", "margin": 0.05}
QUARTER = {"preprocess": {"size": [240, 320]}}

#: Per algorithm: data and its options, how it is made small enough, changes to its default recipe, the metric, and by
#: how much the baseline must be beaten. What follows a colon tells cases of one algorithm apart.
CASES: dict[str, dict[str, Any]] = {
    "covid-resnet": {**CT, "options": {"depth": 18}, "train": {"epochs": 2}, "metric": "auc", "margin": 0.3},
    "covid-resnet:breast": {
        "data": ("breastmnist", {}),
        "options": {"depth": 18, "stem": "small"},
        "train": {"epochs": 12},
        "metric": "auc",
        "margin": 0.3,
    },
    "covid-transformer": {
        **CT,
        "options": {**SMALL, "patch": 8, "image_size": 64},
        "train": {"epochs": 11},
        "metric": "auc",
        "margin": 0.3,
    },
    "covid-transformer:retina": {
        "data": ("retinamnist", {}),
        "options": SMALL,
        "train": {"epochs": 20},
        "metric": "auc",
        "margin": 0.15,
    },
    "u-csrnet": {
        "data": ("blood-cells", {"task": "points"}),
        "options": SMALL,
        "train": {"epochs": 10, "patch_size": None, "preprocess": {"size": [120, 160]}},
        "metric": "f1",
        "margin": 0.1,
    },
    "mtcsn": {
        "data": ("phantom-xray", {"task": "joint", "n": 200}),
        "options": {**SMALL, "tissues": 4},
        "train": {"epochs": 40},
        "metric": "dice",
        "margin": 0.1,
    },
    "2d-unet": {
        "data": ("covid-ct", {"task": "segmentation"}),
        "options": {"width": 16, "depth": 4},
        "train": {"epochs": 4, "batch_size": 16},
        "metric": "dice",
        "margin": 0.15,
    },
    "lod-net": {
        "data": ("covid-ct", {"task": "segmentation"}),
        "options": SMALL,
        "train": {"epochs": 4, "batch_size": 16},
        "metric": "dice",
        "margin": 0.15,
    },
    "lod-net:polyps": {
        "data": ("polyps-kvasir", {}),
        "folds": 5,
        "options": SMALL,
        # what carries over from four pictures to a fifth is coarse: where a polyp lies and how it differs in lightness.
        # The Dice term drives a network that has seen no more to all or nothing.
        "train": {
            "epochs": 60,
            "batch_size": 4,
            "optimizer": {"name": "adamw", "lr": 3e-4, "weight_decay": 0.01},
            "loss": {"dice": 0.0, "class_weights": [1, 4]},
            "preprocess": {"size": [64, 96]},
            "augment": {
                "flip": {"axes": [0, 1]},
                "blur": {"sigma": [3, 8], "prob": 1.0},
                "gamma": {"prob": 0.5},
                "colour": {"scale": 0.5, "shift": 0.7, "prob": 1.0},
            },
        },
        "metric": "dice",
        "margin": 0.05,
    },
    "han-net": {
        **NUCLEI,
        "options": {**SMALL, "depth": 3},
        "train": {
            **NUCLEI["train"],
            "epochs": 30,
            "batch_size": 2,
            "optimizer": {"name": "adam", "lr": 2e-3, "weight_decay": 1e-4},
            # the boundary is a thin line, and where it is missed two nuclei are one
            "loss": {"class_weights": [1, 1, 3]},
        },
    },
    "cd-net": {**NUCLEI, "options": SMALL, "train": {**NUCLEI["train"], "epochs": 25}},
    "3d-unet": {
        "data": ("hippocampus", {}),
        "options": {"width": 8},
        "train": {"epochs": 3, "batch_size": 2},
        "metric": "dice",
        "margin": 0.05,
    },
    "unetr": {
        "data": ("hippocampus", {}),
        "options": SMALL,
        "train": {
            "epochs": 8,
            "batch_size": 2,
            "patch_size": [32, 48, 32],
            "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 1e-5},
            "schedule": {"name": "cosine", "warmup_epochs": 1},
        },
        "metric": "dice",
        "margin": 0.02,
    },
    "weakly-lesion-localisation": {
        "data": ("covid-ct", {"task": "localisation"}),
        "options": SMALL,
        # the reference code's weights and rate are for pictures of sixteen times the area and 120 epochs
        "train": {
            "epochs": 1,
            "optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]},
            "schedule": {"name": "step", "warmup_epochs": 0.125, "milestones": [0.75], "factor": 0.1},
            "loss": {"adversarial": 3.0},
            **GREY,
        },
        "metric": "pr_auc",
        "margin": 0.02,
    },
    "ts-cam": {
        "data": ("covid-ct", {"task": "localisation"}),
        # 64 pixels are 8 patches on a side: too coarse to point with
        "options": {**SMALL, "image_size": 96},
        "train": {
            "epochs": 6,
            "schedule": {"name": "cosine", "warmup_epochs": 0.5},
            "preprocess": {**GREY["preprocess"], "size": [96, 96]},
        },
        "metric": "pr_auc",
        "margin": 0.02,
    },
    "lung-nodules-detection": {**CELLS, "options": SMALL, "train": {"epochs": 8, **QUARTER}},
    "lung-nodule-cnn": {**CELLS, "options": {"variant": "n"}, "train": {"epochs": 10, **QUARTER}},
    # DETR from scratch needs more steps than ten minutes have to find anything in real smears: 1500 changed nothing
    "lung-nodule-transformer": {
        "data": ("phantom-cells", {"task": "detection"}),
        "options": SMALL,
        "train": {"epochs": 200, "validate_every": 10},
        "metric": "map50",
        "margin": 0.02,
    },
    "ellipsenet-fit": {
        **HEADS,
        "options": SMALL,
        "train": {"epochs": 12, "preprocess": {"size": [128, 192]}},
    },
    "ellipsenet": {**HEADS, "options": SMALL, "train": {"epochs": 30, "preprocess": {"size": [128, 192]}}},
}


def algorithm_of(case: str) -> str:
    """Return the algorithm of a case: what comes before the colon."""
    return case.partition(":")[0]
