import pytest

from workbench.errors import InputError
from workbench.training.finetune import trainable_names

NAMES = ["down.0.conv.weight", "down.0.conv.bias", "down.10.conv.weight", "up.0.conv.weight", "head.weight"]


@pytest.mark.parametrize(
    ("freeze", "left"),
    [
        ((), None),
        (("down.0",), ["down.10.conv.weight", "up.0.conv.weight", "head.weight"]),
        (("down.*",), ["up.0.conv.weight", "head.weight"]),
        (("re:conv", "nothing*"), None),
        (("re:^(down|up)",), ["head.weight"]),
        (("down.0.conv.bias", "head"), ["down.0.conv.weight", "down.10.conv.weight", "up.0.conv.weight"]),
    ],
)
def test_patterns_freeze_a_layer_and_all_in_it(freeze, left):
    if "nothing*" in freeze:
        with pytest.raises(InputError, match=r"'nothing\*' matches none.*down, up, head"):
            trainable_names(NAMES, freeze)
    else:
        assert trainable_names(NAMES, freeze) == left


@pytest.mark.parametrize(("freeze", "match"), [(("*",), "every layer"), (("re:(",), "cannot be read")])
def test_patterns_that_make_no_sense(freeze, match):
    with pytest.raises(InputError, match=match):
        trainable_names(NAMES, freeze)
