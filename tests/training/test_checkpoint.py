import numpy as np
import pytest

from workbench.errors import FileError, InputError
from workbench.frameworks import weights
from workbench.training.checkpoint import MODEL, OPTIMIZER, STATE, Checkpoints, Position


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path)


def save(checkpoints, epoch, step=0, *, resumable=True, best=None):
    position = Position(
        epoch=epoch, step=step, global_step=10 * epoch + step, best_epoch=best, best_score=0.1 + 0.2, sums={"loss": 0.7}
    )
    model = {"a.weight": np.full((2, 3), epoch, np.float32)}
    return checkpoints.save(position, model, {"algorithm": "x"}, {"step": np.ones(1)} if resumable else None)


def test_a_checkpoint_comes_back_as_it_was(checkpoints):
    saved = save(checkpoints, 3, 4, best=2)
    found, problems = checkpoints.latest()
    assert problems == []
    assert found == saved
    tensors, metadata = weights.load(found.model_path)
    np.testing.assert_array_equal(tensors["a.weight"], np.full((2, 3), 3, np.float32))
    assert metadata == {"algorithm": "x"}


@pytest.mark.parametrize("name", [MODEL, OPTIMIZER, STATE])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(checkpoints, name, damage):
    first, second = save(checkpoints, 1), save(checkpoints, 2)
    path = second.path / name
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flip" else content[:-5])
    found, problems = checkpoints.latest()
    assert found == first
    if (name, damage) != (OPTIMIZER, "gone"):  # that is a sound checkpoint to look at, only not one to resume from
        assert "epoch-0002" in problems[0]
        if name != STATE:
            with pytest.raises(FileError, match="epoch-0002"):
                second.verify(name)
    assert checkpoints.forget_after(found.position) == ["epoch-0002"]
    assert [item.path.name for item in checkpoints.all()] == ["epoch-0001"]


def test_unfinished_writes_are_not_checkpoints(checkpoints):
    save(checkpoints, 1)
    (checkpoints.path / ".epoch-0002.tmp").mkdir()
    assert [item.path.name for item in checkpoints.all()] == ["epoch-0001"]
    assert checkpoints.forget_after(Position(epoch=1, global_step=10)) == [".epoch-0002.tmp"]


def test_pruning_keeps_multiples_the_best_the_newest_and_two_to_resume_from(checkpoints):
    for epoch, step in [(0, 0), (1, 0), (2, 0), (3, 0), (3, 5), (4, 0), (4, 5), (5, 0)]:
        position = save(checkpoints, epoch, step, best=3 if epoch >= 3 else None).position
        checkpoints.prune(position, every=2)
    kept = {item.path.name: item.resumable for item in checkpoints.all()}
    assert kept == {
        "epoch-0000": False,
        "epoch-0002": False,
        "epoch-0003": False,
        "epoch-0004": False,
        "step-000000045": True,
        "epoch-0005": True,
    }
    assert checkpoints.at(3).position.epoch == 3
    with pytest.raises(InputError, match="epochs: 0, 2, 3, 4, 5"):
        checkpoints.at(1)
    for item in checkpoints.all():
        item.verify()


def test_a_checkpoint_for_which_there_is_no_room_leaves_nothing_behind(checkpoints, monkeypatch):
    first = save(checkpoints, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(checkpoints, 2)
    assert [path.name for path in checkpoints.path.iterdir()] == ["epoch-0001"]
    assert checkpoints.latest() == (first, [])


def test_a_checkpoint_taken_again_replaces_the_earlier_one(checkpoints):
    save(checkpoints, 1, best=0)
    again = save(checkpoints, 1, best=1)
    assert checkpoints.latest() == (again, [])
    assert [path.name for path in checkpoints.path.iterdir()] == ["epoch-0001"]
