"""Small networks with a known answer, and a model that wears them."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench import frameworks
from workbench.volume import Volume

# 30 degrees about one axis, then anisotropic: nothing is aligned, nothing is isotropic
OBLIQUE = np.array(
    [
        [-1.2 * 0.866, 0.0, 2.0 * 0.5, 31.0],
        [0.0, 0.9, 0.0, -17.0],
        [1.2 * 0.5, 0.0, 2.0 * 0.866, 5.5],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def define_linear(nn: Any, F: Any, ops: Any) -> Any:
    class Linear(nn.Module):
        """Each class score is a weighted sum of the voxels."""

        def __init__(self, voxels, classes):
            super().__init__()
            self.flatten = nn.Flatten()
            self.fc = nn.Linear(voxels, classes)

        def forward(self, x):
            return self.fc(self.flatten(x))

    return Linear


def define_cnn(nn: Any, F: Any, ops: Any) -> Any:
    class CNN(nn.Module):
        """A small classifier: two convolutions, batch norm, pooling, a linear head."""

        def __init__(self, ndim, channels, classes, width):
            super().__init__()
            conv = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
            self.conv1 = conv(channels, width, 3, padding=1)
            self.norm = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[ndim](width)
            self.act = nn.ReLU()
            self.pool = {2: nn.AvgPool2d, 3: nn.AvgPool3d}[ndim](2)
            self.conv2 = conv(width, width, 3, padding=1)
            self.act2 = nn.ReLU()
            self.gap = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[ndim](1)
            self.flatten = nn.Flatten()
            self.fc = nn.Linear(width, classes)

        def forward(self, x):
            x = self.pool(self.act(self.norm(self.conv1(x))))
            x = self.act2(self.conv2(x))
            return self.fc(self.flatten(self.gap(x)))

    return CNN


def define_segmenter(nn: Any, F: Any, ops: Any) -> Any:
    class Segmenter(nn.Module):
        """A label per voxel from its neighbourhood of 3 voxels."""

        def __init__(self, ndim, channels, classes, width):
            super().__init__()
            conv = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
            self.conv1 = conv(channels, width, 3, padding=1)
            self.act = nn.ReLU()
            self.head = conv(width, classes, 1)

        def forward(self, x):
            return self.head(self.act(self.conv1(x)))

    return Segmenter


class ToyPrepared:
    """Reoriented, resampled and padded, and the way back."""

    def __init__(self, volume, spec):
        self.original = volume
        grid = volume.reorient(spec["orientation"]) if spec.get("orientation") else volume
        if spec.get("spacing"):
            grid = grid.resample(spec["spacing"])
        if spec.get("size"):
            missing = [max(size - n, 0) for size, n in zip(spec["size"], grid.spatial_shape, strict=True)]
            grid = grid.pad([m // 2 for m in missing], [m - m // 2 for m in missing])
        self.grid = grid
        self.array = np.ascontiguousarray(grid.channels_first(), np.float32)
        self.batch = self.array[None]
        self.spatial_shape = self.array.shape[1:]
        self.notes = ()

    def restore(self, array, *, kind="scores", order=None):
        return Volume(array, self.grid.affine, kind=kind).resample_like(self.original, order=order)


def decode(outputs):
    return outputs.argmax(axis=1)


def probabilities(outputs):
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def presence(outputs):
    return probabilities(outputs) if outputs.ndim == 2 else decode(outputs)


class ToyModel:
    """What `explain` needs of a model, around any small network."""

    def __init__(self, define, config, *, framework="torch", preprocess=None, state=None, seed=0):
        self.framework = frameworks.get(framework)
        self.device = "cpu"
        self.config = config
        self.preprocess = preprocess or {}
        self.classes = tuple(f"class {i}" for i in range(config["classes"]))
        self.module = self.framework.build(define, config, "cpu", seed)
        if state is not None:
            self.framework.load_state(self.module, state)
        task = SimpleNamespace(presence=presence, background=True, probabilities=probabilities)
        self.algorithm = SimpleNamespace(name=define.__name__, task=task)

    def prepare(self, volume):
        return ToyPrepared(volume, self.preprocess)

    def forward(self, array, *, network=None):
        return self.framework.forward(network or self.module, array)

    def predict(self, volume):
        prepared = self.prepare(volume)
        logits = self.forward(prepared.batch)
        if logits.ndim == 2:
            return SimpleNamespace(probabilities=probabilities(logits)[0])
        labels = decode(logits)[0].astype(np.uint8)
        return Volume(labels, prepared.grid.affine, kind="labels").resample_like(volume)

    def layers(self):
        return self.framework.layers(self.module)

    def default_layer(self):
        return next(info.name for info in reversed(self.layers()) if "Conv" in info.type and info.name != "head")

    def weights_fingerprint(self):
        digest = hashlib.sha256(json.dumps(self.config).encode())
        for name, value in sorted(self.framework.state(self.module).items()):
            digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()


def linear_model(shape, classes=3, *, channels=1, framework="torch", seed=0, **options):
    """A linear model and its weights ``[classes, channels, *shape]``."""
    voxels = int(np.prod(shape)) * channels
    weights = np.random.default_rng(seed).normal(size=(classes, voxels)).astype(np.float32)
    state = {"fc.weight": weights, "fc.bias": np.zeros(classes, np.float32)}
    model = ToyModel(define_linear, {"voxels": voxels, "classes": classes}, framework=framework, state=state, **options)
    return model, weights.reshape(classes, channels, *shape)


def cnn_model(ndim, *, channels=1, classes=3, width=4, framework="torch", state=None, **options):
    config = {"ndim": ndim, "channels": channels, "classes": classes, "width": width}
    if state is None:
        state = random_state(define_cnn, config)
    return ToyModel(define_cnn, config, framework=framework, state=state, **options)


def segmentation_model(ndim, *, channels=1, classes=3, width=4, framework="torch", state=None, **options):
    config = {"ndim": ndim, "channels": channels, "classes": classes, "width": width}
    if state is None:
        state = random_state(define_segmenter, config)
    return ToyModel(define_segmenter, config, framework=framework, state=state, **options)


def random_state(define, config, seed=0):
    """Weights that depend on neither framework."""
    torch = frameworks.get("torch")
    rng = np.random.default_rng(seed)
    state = torch.state(torch.build(define, config, "cpu", 0))
    for name, value in state.items():
        if np.issubdtype(value.dtype, np.floating):
            noise = rng.normal(size=value.shape) * (0.5 if value.ndim > 1 else 0.2)
            state[name] = (np.abs(noise) + 0.5 if "var" in name or name == "norm.weight" else noise).astype(np.float32)
    return state


def blob_volume(shape, centre_mm, sigma_mm, affine):
    """A Gaussian blob at a point in mm, on any grid, 2D or 3D."""
    grid = Volume(np.zeros(shape, np.float32), affine)
    points = grid.to_world(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    distance = ((points - np.asarray(centre_mm)) ** 2).sum(axis=-1)
    return grid.with_data(np.exp(-distance / (2 * sigma_mm**2)).astype(np.float32))


def peak_mm(explanation):
    """The place in mm of the largest score."""
    data = np.asarray(explanation.data)
    return explanation.volume.to_world(np.array(np.unravel_index(data.argmax(), data.shape)))


def noise_volume(shape, affine=None, *, seed=1, axes=None):
    data = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return Volume(data, affine, axes=axes)


def define_energy(nn: Any, F: Any, ops: Any) -> Any:
    class Energy(nn.Module):
        """The score of class 1 is the energy of the (pooled) input, so it comes from where the input is bright."""

        def __init__(self, ndim, pool, classes):
            super().__init__()
            self.pool = {2: nn.AvgPool2d, 3: nn.AvgPool3d}[ndim](pool)
            self.act = nn.ReLU()
            self.gap = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[ndim](1)
            self.flatten = nn.Flatten()
            self.fc = nn.Linear(1, classes)

        def forward(self, x):
            pooled = self.act(self.pool(x))
            return self.fc(self.flatten(self.gap(pooled * pooled)))

    return Energy


def energy_model(ndim, *, pool=1, framework="torch", **options):
    state = {"fc.weight": np.array([[0.0], [100.0]], np.float32), "fc.bias": np.zeros(2, np.float32)}
    config = {"ndim": ndim, "pool": pool, "classes": 2}
    return ToyModel(define_energy, config, framework=framework, state=state, **options)


def centre_mm(explanation):
    """The centre of the part of the map that is above half of its maximum, in mm."""
    data = np.asarray(explanation.data, np.float64)
    weights = np.where(data > data.max() / 2, data, 0)
    places = explanation.volume.to_world(np.argwhere(weights > 0))
    return (places * weights[weights > 0][:, None]).sum(axis=0) / weights.sum()
