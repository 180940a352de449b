from __future__ import annotations

import itertools

import numpy as np

from workbench.explain.explainers._lattice import Lattice


def test_everything_is_chosen_once_and_known_in_the_end():
    values = np.random.default_rng(0).normal(size=(5, 4, 3))
    lattice, seen = Lattice(values.shape), []
    while found := lattice.choose(7):
        seen += found
        for index in found:
            lattice.record(index, values.flat[index])
    assert sorted(seen) == list(range(60))
    assert np.array_equal(lattice.estimate(), values)


def test_between_what_is_known_lies_what_is_linear():
    exact = np.add.outer(2.0 * np.arange(9), -1.0 * np.arange(5))
    lattice = Lattice(exact.shape)
    for place in itertools.product((0, 4, 8), (0, 4)):
        index = int(np.ravel_multi_index(place, exact.shape))
        lattice.record(index, exact[place])
    assert np.allclose(lattice.estimate(), exact, atol=1e-12)


def test_it_goes_on_where_neighbours_differ():
    step = np.repeat([0.0, 1.0], 32)
    lattice = Lattice((64,))
    for index in range(0, 64, 8):
        lattice.record(index, step[index])
    assert all(24 <= index <= 32 for index in lattice.choose(3))


def test_what_is_known_beforehand_is_not_chosen():
    lattice = Lattice((4, 4))
    for index in range(0, 16, 2):
        lattice.record(index, 0.0)
    assert sorted(lattice.choose(16)) == list(range(1, 16, 2))
