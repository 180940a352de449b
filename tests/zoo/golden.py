"""Weights and inputs that depend on nothing but shapes: two implementations can be compared by their numbers."""

from __future__ import annotations

import numpy as np


def filled(state: dict[str, np.ndarray], parameters: list[str]) -> dict[str, np.ndarray]:
    """Return `state` with every parameter replaced by its pattern; running statistics stay as they are."""
    return {name: pattern(name, value.shape) if name in parameters else value for name, value in state.items()}


def pattern(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values of a parameter: weights of a fan-in scale, norm scales about 0.5, small biases."""
    i = np.arange(1, np.prod(shape) + 1, dtype=np.float64)
    if len(shape) >= 2:
        values = np.sin(i) * np.sqrt(2 / np.prod(shape[1:])) * 1.3
    elif name.endswith("weight"):
        values = 0.5 + 0.1 * np.sin(i)
    else:
        values = 0.05 * np.cos(i)
    return values.astype(np.float32).reshape(shape)


def test_input(*shape: int) -> np.ndarray:
    """Return an input that is neither constant nor random."""
    i = np.arange(np.prod(shape), dtype=np.float64)
    return (0.5 * (np.sin(0.37 * i) + np.cos(0.011 * i))).astype(np.float32).reshape(shape)


test_input.__test__ = False  # type: ignore[attr-defined]
