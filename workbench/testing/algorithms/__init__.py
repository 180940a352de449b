"""The contracts of algorithms, one for each kind of task; `AlgorithmContract` is what they share."""

from workbench.testing.algorithms.base import AlgorithmContract
from workbench.testing.algorithms.classification import ClassificationContract
from workbench.testing.algorithms.detection import DetectionContract
from workbench.testing.algorithms.ellipses import EllipseContract
from workbench.testing.algorithms.instances import InstanceContract
from workbench.testing.algorithms.localisation import LocalisationContract
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.algorithms.segmentation import SegmentationContract

__all__ = [
    "AlgorithmContract",
    "ClassificationContract",
    "DetectionContract",
    "EllipseContract",
    "InstanceContract",
    "LocalisationContract",
    "ParityByDefault",
    "SegmentationContract",
]
