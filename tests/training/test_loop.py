"""What a run says of itself."""

import re

import torch

from workbench.training import fit
from workbench.training.loop import said_of_epoch


def test_the_log_tells_losses_from_scores():
    losses = {"loss": 2.1268, "cross_entropy": 1.1562, "dice": 0.97061}
    assert said_of_epoch(1, losses, {"dice": 0.028, "dice/liver": 0.5}) == (
        "Epoch 1: training loss 2.1268 (cross_entropy 1.1562, dice 0.9706); validation: dice 0.0280, dice/liver 0.5000"
    )
    assert said_of_epoch(12, {"loss": 0.5}, {}) == "Epoch 12: training loss 0.5000"


def test_what_a_run_logs_is_what_it_measured(recipe_of, boxes, tmp_path, capsys):
    run = fit(recipe_of(boxes, epochs=2, validate_every=2), tmp_path / "r")
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch ")]
    epochs = [line for line in run.metrics() if line["kind"] == "epoch"]
    assert "validation" not in told[0]
    found = re.fullmatch(r"Epoch 2: training loss (\S+) \(.*dice (\S+)\); validation: dice (\S+), .*", told[1])
    assert found.groups() == tuple(f"{x:.4f}" for x in (epochs[1]["loss"], epochs[1]["dice"], epochs[1]["val"]["dice"]))


def test_the_process_computes_afterwards_as_it_did_before(recipe_of, boxes, tmp_path):
    threads, filling = torch.get_num_threads(), torch.utils.deterministic.fill_uninitialized_memory
    try:
        torch.set_num_threads(3)
        torch.use_deterministic_algorithms(False)
        fit(recipe_of(boxes, epochs=1, num_threads=1), tmp_path / "r")
        assert torch.get_num_threads() == 3
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory == filling
    finally:
        torch.set_num_threads(threads)
