"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

# Two cores are all that continuous integration has; more threads only make the tests slower.
os.environ.setdefault("OMP_NUM_THREADS", "2")


# What runs note about their folders is nothing to write into the settings of whoever runs the tests.
os.environ["WORKBENCH_CONFIG"] = tempfile.mkdtemp(prefix="workbench-config-")


@pytest.fixture
def workbench_data() -> Path:
    """The folder of real data, or a skip that says why."""
    folder = os.environ.get("WORKBENCH_DATA")
    if not folder:
        pytest.skip("WORKBENCH_DATA is not set: the real data is not here")
    return Path(folder)


@pytest.fixture
def affine() -> np.ndarray:
    """An oblique, anisotropic affine with flipped axes: what an identity affine would hide."""
    angle = np.deg2rad(20.0)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    out = np.eye(4)
    out[:3, :3] = rotation @ np.diag([-0.8, 1.25, 2.5])
    out[:3, 3] = [12.0, -34.5, 56.25]
    return out
