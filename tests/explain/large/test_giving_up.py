"""A pass that a cancel has left to itself has no say in the mode of the network any more."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from workbench.errors import Cancelled
from workbench.explain.large.promptly import Promptly
from workbench.frameworks import get
from workbench.testing.marks import needs_mindspore
from workbench.work import Work

IMAGE = np.ones((2, 1, 6, 6), np.float32)


def network(framework, wait):
    """Return a network of the framework whose second layer takes as long as `wait` does, before a norm."""

    def define(nn, F, ops):
        class Slow(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.norm, self.last = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)

            def forward(self, x):
                x = self.first(x)
                wait()
                return self.last(self.norm(x))

        return Slow

    return get(framework).build(define, {})


@pytest.fixture(params=["torch", pytest.param("mindspore", marks=needs_mindspore)])
def framework(request):
    return request.param


class Held:
    """A pass that is given up while a layer of it is under way, which ends once `go_on` is set."""

    def __init__(self, framework, training):
        self.began, self.go_on, self.cancel = threading.Event(), threading.Event(), threading.Event()
        self.framework, self.training = get(framework), training
        self.module = network(framework, self.wait)
        self.put(training)
        self.ended = threading.Event()

    def wait(self):
        self.began.set()
        self.go_on.wait(20)

    def put(self, training):
        (self.module.train if hasattr(self.module, "train") else self.module.set_train)(training)

    def modes(self):
        return {bool(layer.training) for layer in (self.module, self.module.norm)}

    def ask(self):
        with pytest.raises(Cancelled):
            Promptly(self.framework, Work(cancel=self.cancel), end_to_end=True).forward(self.module, IMAGE)
        self.ended.set()

    def give_up(self):
        """Ask and cancel; returns what waits for the pass and for who asked."""
        asking = threading.Thread(target=self.ask)
        asking.start()
        assert self.began.wait(20)
        self.cancel.set()
        return asking


def end(held, asking):
    held.go_on.set()
    asking.join(20)
    for thread in threading.enumerate():
        if thread.name == "pass":
            thread.join(20)


def test_a_mode_that_was_set_after_a_cancel_stays(framework):
    held = Held(framework, training=False)
    asking = held.give_up()
    assert held.ended.wait(10), "nobody waits for the layer"
    held.put(True)
    end(held, asking)
    assert held.modes() == {True}


def test_a_network_in_training_mode_is_so_once_the_cancel_is_heard():
    held = Held("torch", training=True)
    before = held.framework.state(held.module)
    asking = held.give_up()
    assert held.ended.wait(10)
    assert held.modes() == {True}, "at once"
    held.put(False)
    end(held, asking)
    assert held.modes() == {False}, "and not again when the pass ends"
    after = held.framework.state(held.module)
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_what_is_asked_beside_a_pass_that_was_given_up_is_asked_in_evaluation_mode():
    held = Held("torch", training=False)
    asking = held.give_up()
    assert held.ended.wait(10)
    held.put(True)
    seen = []
    handle = held.module.norm.register_forward_hook(lambda layer, *_: seen.append(layer.training))
    held.go_on.set()
    held.framework.forward(held.module, IMAGE)
    handle.remove()
    assert set(seen) == {False}
    end(held, asking)
    assert held.modes() == {True}


@needs_mindspore
def test_a_network_in_training_mode_that_cannot_be_stopped_is_waited_for():
    held = Held("mindspore", training=True)
    before = held.framework.state(held.module)
    asking = held.give_up()
    time.sleep(0.3)  # longer than it takes to see a cancel
    assert not held.ended.is_set()
    assert held.modes() == {False}, "its norms would take in the pass"
    end(held, asking)
    assert held.modes() == {True}
    after = held.framework.state(held.module)
    assert all(np.array_equal(after[name], before[name]) for name in before)
