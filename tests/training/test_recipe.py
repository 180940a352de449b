import pytest

from workbench import datasets
from workbench.errors import FileError, InputError, StateError
from workbench.training.api import train
from workbench.training.composing import compose
from workbench.training.recipe import Recipe
from workbench.training.schedule import learning_rate


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_recipe_comes_back_from_a_file_as_it_was(tmp_path, suffix):
    recipe = Recipe(
        algorithm="3d-unet",
        optimizer={"name": "sgd", "lr": 0.1},
        patch_size=[8, 8, 8],
        splits={"train": [0, 2], "val": [1]},
    )
    assert Recipe.read(recipe.write(tmp_path / f"r.{suffix}")) == recipe


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"epoch": 3}, "'epoch'.*Did you mean 'epochs'"),
        ({"optimizer": {"learning": 1}}, r"Recipe\.optimizer got an unknown option 'learning'"),
        ({"schedule": {"warmup": 1}}, "Did you mean 'warmup_epochs'"),
        ({"optimizer": {"lr": -1}}, r"optimizer: lr must be a number, above 0, got -1\. The default is 0\.001"),
        ({"batch_size": 0}, r"Recipe: batch_size must be a whole number, at least 1, got 0\. The default is 8"),
        ({"batch_size": True}, "batch_size must be a whole number, at least 1, got True"),
        (
            {"optimizer": {"betas": (0.9, 1)}},
            r"betas must be a list, each a number, at least 0 and below 1, got \(0.9, 1\)",
        ),
        ({"optimizer": 3}, "optimizer must be an Optimizer, its name, or a mapping of its keys to values, got 3"),
        ({"splits": {"train": 1}}, "splits must be a mapping of split to indices of samples, got {'train': 1}"),
        ({"lr": 1}, "Recipe got an unknown option 'lr'"),
        ({"splits": {"train": [1, 2], "test": [2]}}, "sample 2 is in 'train' and in 'test'"),
        ({"patch_size": [8, 8, 8, 8]}, "patch_size"),
        ({"patch_size": []}, "patch_size"),
        ({"patch_size": 0}, "patch_size"),
        ({"patch_size": True}, "patch_size"),
        ({"augment": {"flipp": {}}}, "Augment got an unknown option 'flipp'. Did you mean 'flip'"),
        ({"augment": {"affine": {"rotate": 5}}}, "Augment 'affine' got an unknown option 'rotate'"),
        ({"preprocess": {"spacng": 1}}, "preprocessing got an unknown option 'spacng'. Did you mean 'spacing'"),
        ({"preprocess": {"intensity": {"kindd": "zscore"}}}, "normalisation got an unknown option 'kindd'"),
        ({"preprocess": {"orientation": "XYZ"}}, "An orientation is 3 letters.*got 'XYZ'"),
    ],
)
def test_a_broken_rule_is_named_with_the_value_and_the_nearest_valid_one(values, match):
    with pytest.raises(InputError, match=match):
        Recipe(algorithm="x", **values)


def test_what_is_no_data_set_is_named():
    with pytest.raises(InputError, match=r"got list\. Make one .*from_list"):
        compose("3d-unet", [1, 2], {})


def test_a_device_that_is_not_there_is_refused_before_a_worker_starts():
    with pytest.raises(StateError, match=r"no device 'cuda:99' on this computer\. Choose one of: 'cpu'"):
        compose("3d-unet", "phantom-ct", {"device": "cuda:99"})


def test_a_recipe_is_called_what_it_is(tmp_path):
    with pytest.raises(InputError, match=r"written as \.json or \.yaml or \.yml, and r\.toml ends as another"):
        Recipe(algorithm="x").write(tmp_path / "r.toml")
    assert not (tmp_path / "r.toml").exists()


def test_files_that_are_not_recipes(tmp_path):
    with pytest.raises(FileError, match="readable"):
        Recipe.read(tmp_path / "none.json")
    for name, text in {"a.json": "{", "b.yaml": "a: [", "c.json": "[1]"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(FileError):
            Recipe.read(tmp_path / name)


def test_a_warm_up_takes_half_of_a_short_run_at_most():
    recipe = Recipe(algorithm="x", epochs=1, optimizer={"lr": 1.0}, schedule={"name": "constant", "warmup_epochs": 1})
    assert [learning_rate(recipe, step, 6) for step in range(6)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"name": "constant"}, [1.0, 1.0, 1.0, 1.0]),
        ({"name": "constant", "warmup_epochs": 1}, [1 / 3, 2 / 3, 1.0, 1.0]),
        ({"name": "cosine"}, [1.0, 0.8535533905932737, 0.5, 0.14644660940672627]),
        ({"name": "poly", "power": 1, "minimum": 0.5}, [1.0, 0.875, 0.75, 0.625]),
        ({"name": "step", "milestones": [0.5, 0.75], "factor": 0.1}, [1.0, 1.0, 0.1, 0.01]),
    ],
)
def test_the_learning_rate_goes_as_its_schedule_says(schedule, expected):
    recipe = Recipe(algorithm="x", epochs=2, optimizer={"lr": 1.0}, schedule=schedule)
    assert [learning_rate(recipe, step, 2) for step in range(4)] == pytest.approx(expected)


def test_a_part_without_weights_for_it_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"into='encoder'.*init is not given\. Give init="):
        train("3d-unet", "phantom-ct", into="encoder", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_splits_of_a_data_set_that_is_given_count_before_those_of_a_recipe_for_other_data():
    one = datasets.load("phantom-ct", n=6, size=16)
    own = {name: list(indices) for name, indices in one.splits.items()}
    other = {"train": [5], "val": [4], "test": [3]}
    # those of a recipe that was made for no data are for whatever is given
    for made in ({"algorithm": "3d-unet", "splits": other}, Recipe(algorithm="3d-unet", splits=other)):
        assert compose(made, one, {})[0].splits == other
    recipe = {"algorithm": "3d-unet", "data": datasets.load("phantom-ct", n=8, size=16).spec(), "splits": other}
    assert own != other
    assert compose(recipe, one, {})[0].splits == own
    assert compose(recipe, None, {})[0].splits == other
    assert compose({**recipe, "data": one.spec()}, one, {})[0].splits == other
    assert compose(recipe, one, {"splits": {"train": [0], "val": [1]}})[0].splits == {"train": [0], "val": [1]}


@pytest.mark.parametrize(
    ("option", "words"),
    [("learning_rate", "called lr here"), ("max_epochs", "called epochs here"), ("num_classes", "The data decide it")],
)
def test_what_is_called_otherwise_elsewhere_is_told(tmp_path, option, words):
    with pytest.raises(InputError, match=rf"Unknown train\(\) option '{option}'.*{words}"):
        train("3d-unet", "phantom-ct", folder=tmp_path, **{option: 3})
    assert not list(tmp_path.iterdir())
