from __future__ import annotations

from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.algorithms.segmentation import SegmentationContract


class TestUNet3D(ParityByDefault, SegmentationContract):
    name = "3d-unet"
    tiny = {"width": 4, "depth": 3}
    size = (8, 12, 8)
    default_size = (16, 16, 16)


class TestPytorch3DUNet(SegmentationContract):
    name = "3d-unet"
    tiny = {"width": 8, "depth": 2, "norm": "group", "order": "norm-conv-relu", "conv_bias": False, "up": "nearest"}
    in_channels = 1
    size = (8, 6, 8)


class TestInstanceNorm(SegmentationContract):
    name = "3d-unet"
    tiny = {"width": 4, "depth": 2, "norm": "instance"}
    num_classes = 2
    size = (8, 8, 4)

    def test_a_thin_volume_is_padded_to_the_smallest_input(self) -> None:
        thin = self.volume(self.in_channels, (9, 8, 1))
        assert self.model().predict(thin).spatial_shape == (9, 8, 1)
