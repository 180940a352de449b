import re

import numpy as np
import pytest

from workbench import datasets, zoo
from workbench.errors import InputError
from workbench.frameworks import weights
from workbench.training import fit, train
from workbench.training.api import _beginning, _lay_out
from workbench.training.composing import compose

from .conftest import SPLITS, volumes


@pytest.fixture
def trained(recipe_of, boxes, tmp_path):
    return fit(recipe_of(boxes, epochs=1), tmp_path / "trained")


@pytest.fixture
def three(tmp_path):
    """The same pictures with one more class, which is nowhere."""
    made = datasets.from_list(volumes(), task="segmentation", classes=("background", "box", "other"))
    return datasets.from_spec(made.with_splits(SPLITS).save(tmp_path / "three"))


def start(trained, data, folder, init, **changes):
    recipe, dataset = compose(trained.recipe, data, {"splits": {}, "epochs": 1, **changes})
    return fit(recipe, _lay_out(folder, recipe, dataset, _beginning(recipe, init)).path)


def test_another_number_of_classes_replaces_the_head_and_nothing_else(trained, three, tmp_path):
    run = start(trained, three, tmp_path / "tuned", trained)
    assert run.state == "finished", run
    report = run.init_report
    given, _ = weights.load(trained.checkpoint().model_path)
    begun, _ = weights.load(run.checkpoint(0).model_path)
    replaced = set(report["replaced"])
    assert replaced
    assert all(shapes[0][0] == 2 and shapes[1][0] == 3 for shapes in report["replaced"].values())
    assert set(report["matched"]) | replaced >= set(begun) - {n for n in begun if n.endswith("num_batches_tracked")}
    for name in report["matched"]:
        np.testing.assert_array_equal(begun[name], given[name])
    assert run.model().predict(three[7]["image"]).labels == {0: "background", 1: "box", 2: "other"}


def test_frozen_layers_keep_their_weights_and_the_others_do_not(trained, boxes, tmp_path):
    names = trained.model().framework.parameter_names(trained.model().module)
    first = names[0].partition(".")[0]
    run = start(trained, boxes, tmp_path / "tuned", trained, freeze=(f"{first}.*",))
    assert run.state == "finished", run
    begun, _ = weights.load(run.checkpoint(0).model_path)
    ended, _ = weights.load(run.checkpoint("last").model_path)
    for name in names:
        same = bool(np.array_equal(begun[name], ended[name]))
        assert same == name.startswith(f"{first}."), name


def test_a_model_may_be_the_beginning(boxes, trained, tmp_path):
    model = trained.model()
    run = start(trained, boxes, tmp_path / "tuned", model)
    begun, _ = weights.load(run.checkpoint(0).model_path)
    for name, value in model.framework.state(model.module).items():
        np.testing.assert_array_equal(begun[name], value)


def test_weights_of_another_network_are_refused_at_once_and_by_the_worker(boxes, tmp_path, recipe_of):
    model = zoo.create("covid-resnet", width=4)
    other = model.save(tmp_path / "other.safetensors")
    words = 'weights that fit (made by "covid-resnet"). No weight in other.safetensors belongs to the network'
    recipe, dataset = compose(recipe_of(boxes), None, {})
    run = fit(recipe, _lay_out(tmp_path / "run", recipe, dataset, other).path)
    assert run.state == "failed"
    assert words in run.status["cause"]
    for init, told in ((other, words), (model, words.replace("other.safetensors", "the model"))):
        with pytest.raises(InputError, match=re.escape(told)):
            train(recipe_of(boxes), folder=tmp_path / "runs", init=init)
    assert not (tmp_path / "runs").exists()


def test_weights_of_another_width_are_refused_with_the_options_they_were_made_with(trained, tmp_path):
    words = r"3d-unet.*most do not: .*of another shape.*in_channels=1, num_classes=2, width=2, depth=2"
    for init in (trained, trained.model(), trained.checkpoint().model_path, str(trained.checkpoint().model_path)):
        with pytest.raises(InputError, match=words):
            train(trained.recipe, folder=tmp_path / "runs", init=init, width=4)
    with pytest.raises(InputError, match=words):
        train({**trained.recipe.model_dump(), "init": str(trained.checkpoint().model_path)}, width=4)
    assert not (tmp_path / "runs").exists()


def test_the_name_of_a_trained_model_in_a_recipe_is_a_beginning(tmp_path):
    data = datasets.load("phantom-ct", n=4, size=16)
    with pytest.raises(InputError, match=r"most do not: 1 matched, 88 of another shape.*width=8, depth=4"):
        train({"algorithm": "3d-unet", "init": "3d-unet-phantom-ct"}, data=data, folder=tmp_path, width=4)
    with pytest.raises(InputError, match="Did you mean '3d-unet-phantom-ct'"):
        train({"algorithm": "3d-unet", "init": "3d-unet-fantom-ct"}, data=data, folder=tmp_path)
    with pytest.raises(InputError, match="a model file, a model or a run, got int"):
        train("3d-unet", data=data, folder=tmp_path, init=3)


def test_a_layer_to_freeze_that_is_not_there_is_refused_at_once(boxes, tmp_path):
    options = {"data": boxes, "folder": tmp_path / "runs", "width": 2, "depth": 2}
    with pytest.raises(
        InputError, match=r"'encodrs\.\*' matches none\. Layers begin with encoders, ups, decoders, head"
    ):
        train("3d-unet", freeze="encodrs.*", **options)
    with pytest.raises(InputError, match="freezes every layer"):
        train("3d-unet", freeze="*", **options)
    assert not (tmp_path / "runs").exists()


def test_pictures_are_classified_and_scored(sides, tmp_path, recipe_of):
    recipe = recipe_of(sides, epochs=2, monitor="val/accuracy")
    run = fit(recipe, tmp_path / "run")
    assert run.state == "finished", run
    line = [line for line in run.metrics() if line["kind"] == "epoch"][-1]
    assert set(line["val"]) == {"auc", "accuracy", "f1"}
    assert run.status["best_score"] == max(x["val"]["accuracy"] for x in run.metrics() if x["kind"] == "epoch")
    assert set(run.evaluate()) == {"split", "epoch", "samples", "auc", "accuracy", "f1"}


def test_the_score_of_a_label_that_does_not_exist_cannot_be_watched(boxes, tmp_path, recipe_of):
    run = fit(recipe_of(boxes, epochs=1, monitor="val/dice/bocks"), tmp_path / "run")
    assert run.state == "failed"
    assert "Did you mean 'dice/box'" in run.status["cause"]


def test_class_weights_decide_the_loss(sides, tmp_path, recipe_of):
    def first_loss(**loss):
        run = fit(recipe_of(sides, epochs=1, loss=loss, augment={}), tmp_path / f"run{len(loss)}")
        return run.metrics()[0]["loss"]

    assert first_loss() != first_loss(class_weights=[1.0, 5.0])


def test_train_takes_what_fit_takes(trained, boxes, tmp_path):
    run = train(trained.recipe, folder=tmp_path / "runs", epochs=1, seed=5)
    assert run.recipe.seed == 5
    assert run.recipe.options == trained.recipe.options
    assert run.wait(120).state == "finished", run
