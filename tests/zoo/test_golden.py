"""The networks against numbers measured once on the original implementations."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from tests.zoo.golden import filled, test_input
from workbench.testing.marks import FRAMEWORKS, need

# (algorithm, channels, classes, how to ask for it), parameters, input, output: shape, mean, mean |x|, first four, last
ORIGINALS = {
    "Cicek 3D U-Net": (
        ("3d-unet", 3, 3, {}),
        19_074_627,
        (1, 3, 32, 32, 32),
        ((1, 3, 32, 32, 32), 0.1391516, 0.1391516, (0.043506, 0.043556, 0.043571, 0.043563), 0.138211),
    ),
    "pytorch-3dunet, 32 maps": (
        ("3d-unet", 1, 2, {"variant": "pytorch-3dunet"}),
        4_081_300,
        (1, 1, 32, 32, 32),
        ((1, 2, 32, 32, 32), 0.0361135, 0.0709474, (0.063289, 0.02907, 0.270701, 0.382776), -0.042052),
    ),
    "lungmask R231": (
        ("2d-unet", 1, 3, {"variant": "lungmask"}),
        31_054_275,
        (1, 1, 64, 64),
        ((1, 3, 64, 64), -1.1095132, 1.1095132, (-1.308109, -1.308339, -1.307328, -1.307354), -1.07936),
    ),
    "CSRNet": (
        ("u-csrnet", 3, 1, {"variant": "csrnet"}),
        16_263_489,
        (1, 3, 64, 64),
        ((1, 1, 8, 8), 0.0325308, 0.0325308, (0.032694, 0.032694, 0.032752, 0.032752), 0.032608),
    ),
    "MONAI UNETR, 32 voxels": (
        ("unetr", 1, 2, {"variant": "monai-small"}),
        1_061_890,
        (1, 1, 32, 32, 32),
        ((1, 2, 32, 32, 32), 0.2781841, 0.6259773, (1.203324, 1.277573, 2.110025, 3.032136), 0.232041),
    ),
    "MedMNIST ResNet-18": (
        ("covid-resnet", 1, 2, {"variant": "medmnist-18"}),
        11_168_706,
        (1, 1, 28, 28),
        ((1, 2), 0.0739446, 0.8722904, (0.946235, -0.798346), -0.798346),
    ),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("original", ORIGINALS)
def test_original(original: str, framework: str) -> None:
    need(framework)
    (name, in_channels, num_classes, options), parameters, shape, expected = ORIGINALS[original]
    model = wb.zoo.create(name, framework, in_channels=in_channels, num_classes=num_classes, **options)
    assert model.num_parameters == parameters
    model.framework.load_state(model.module, filled(model.state(), model.framework.parameter_names(model.module)))
    output = model.forward(test_input(*shape))
    assert output.shape == expected[0]
    flat = output.reshape(-1).astype(np.float64)
    measured = [flat.mean(), np.abs(flat).mean(), *flat[: len(expected[3])], flat[-1]]
    assert np.allclose(measured, [expected[1], expected[2], *expected[3], expected[4]], rtol=1e-3, atol=1e-4)


# originals that return several maps: (how to ask for it), parameters, input, each output by name
# CDNet's: no closer than 1e-4, most likely because a blank picture had moved its running statistics (see its card)
SEVERAL = {
    "CDNet, RevA1": (
        ("cd-net", 3, 3, {"variant": "model_unet_rev1"}),
        20_475_658,
        (1, 3, 64, 64),
        {
            "logits": ((1, 3, 64, 64), 0.3787044, 0.3787044, (0.067275, 0.066905, 0.066205, 0.06628), 0.424924),
            "point": ((1, 1, 64, 64), 0.1391386, 0.1391386, (0.138124, 0.13816, 0.138038, 0.138056), 0.138265),
            "direction": ((1, 9, 64, 64), 0.1475004, 0.5107855, (0.154656, 0.155138, 0.155622, 0.155742), -0.104383),
        },
    ),
    "CDNet, mask and direction": (
        ("cd-net", 3, 3, {"variant": "model_unet_MandD"}),
        20_553_802,
        (1, 3, 64, 64),
        {
            "logits": ((1, 3, 64, 64), 0.3111597, 0.3111597, (0.109169, 0.10952, 0.109787, 0.10985), 0.295286),
            "direction": ((1, 9, 64, 64), 0.0937947, 0.3288958, (0.109169, 0.10952, 0.109787, 0.10985), -0.083398),
        },
    ),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("original", SEVERAL)
def test_original_with_several_outputs(original: str, framework: str) -> None:
    need(framework)
    (name, in_channels, num_classes, options), parameters, shape, expected = SEVERAL[original]
    model = wb.zoo.create(name, framework, in_channels=in_channels, num_classes=num_classes, **options)
    assert model.num_parameters == parameters
    model.framework.load_state(model.module, filled(model.state(), model.framework.parameter_names(model.module)))
    outputs = model.forward(test_input(*shape))
    assert list(outputs) == list(expected)
    for key, (size, mean, magnitude, first, last) in expected.items():
        assert outputs[key].shape == size
        flat = outputs[key].reshape(-1).astype(np.float64)
        measured = [flat.mean(), np.abs(flat).mean(), *flat[: len(first)], flat[-1]]
        assert np.allclose(measured, [mean, magnitude, *first, last], rtol=1e-3, atol=1e-4), key
