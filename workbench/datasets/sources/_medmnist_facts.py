"""What is known of the eighteen MedMNIST sets: release 3.0.2, counts and MD5 sums as its record states them.

The record gives MD5 sums, not SHA-256. They tell a broken download from a whole one, which is what they are used for
here; the SHA-256 of a file is recorded beside it on its first download and held against every later one.
"""

from __future__ import annotations

from dataclasses import dataclass

RECORD = "https://zenodo.org/records/10519652"
CITATION = (
    "Yang, Shi, Wei, Liu, Zhao, Ke, Pfister, Ni: MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D "
    "biomedical image classification. Scientific Data 10, 41 (2023)"
)

_ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)


@dataclass(frozen=True)
class Facts:
    """One set: `counts` are train, val, test; `md5` is per picture size."""

    flag: str
    title: str
    modality: str
    ndim: int
    channels: int
    labels: tuple[str, ...]
    counts: tuple[int, int, int]
    md5: dict[int, str]
    licence: str = "CC BY 4.0"
    multi_label: bool = False
    note: str = ""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The picture sizes it comes in."""
        return tuple(self.md5)


def file_name(flag: str, size: int) -> str:
    """Return the name of the official file."""
    return f"{flag}.npz" if size == 28 else f"{flag}_{size}.npz"


def address(flag: str, size: int) -> str:
    """Return the address of the official file."""
    return f"{RECORD}/files/{file_name(flag, size)}"


def _sums(*sums: str) -> dict[int, str]:
    return dict(zip((28, 64, 128, 224), sums, strict=False))


_ALL = (
    Facts(
        "pathmnist",
        "Tissue types in colon cancer histology",
        "histology",
        2,
        3,
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
        (89996, 10004, 7180),
        _sums(
            "a8b06965200029087d5bd730944a56c1",
            "55aa9c1e0525abe5a6b9d8343a507616",
            "ac42d08fb904d92c244187169d1fd1d9",
            "2c51a510bcdc9cf8ddb2af93af1eadec",
        ),
        note="The test images come from another clinical centre than the training images.",
    ),
    Facts(
        "chestmnist",
        "Fourteen findings in chest radiographs",
        "radiograph",
        2,
        1,
        (
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ),
        (78468, 11219, 22433),
        _sums(
            "02c8a6516a18b556561a56cbdd36c4a8",
            "9de6cd0b934ebb5b7426cfba5efbae16",
            "db107e5590b27930b62dbaf558aebee3",
            "45bd33e6f06c3e8cdb481c74a89152aa",
        ),
        multi_label=True,
        note="The labels were mined from reports by a program.",
    ),
    Facts(
        "dermamnist",
        "Pigmented skin lesions",
        "dermatoscopy",
        2,
        3,
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
        (7007, 1003, 2005),
        _sums(
            "0744692d530f8e62ec473284d019b0c7",
            "b70a2f5635c6199aeaa28c31d7202e1f",
            "2defd784463fa5243564e855ed717de1",
            "8974907d8e169bef5f5b96bc506ae45d",
        ),
        licence="CC BY-NC 4.0",
    ),
    Facts(
        "octmnist",
        "Retinal diseases in optical coherence tomography",
        "OCT",
        2,
        1,
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        (97477, 10832, 1000),
        _sums(
            "c68d92d5b585d8d81f7112f81e2d0842",
            "e229e9440236b774d9f0dfef9d07bdaf",
            "0a97e76651ace45c5d943ee3f65b63ae",
            "abc493b6d529d5de7569faaef2773ba3",
        ),
    ),
    Facts(
        "pneumoniamnist",
        "Pneumonia in children's chest radiographs",
        "radiograph",
        2,
        1,
        ("normal", "pneumonia"),
        (4708, 524, 624),
        _sums(
            "28209eda62fecd6e6a2d98b1501bb15f",
            "8f4eceb4ccffa70c672198ea285246c6",
            "05b46931834c231683c68f40c47b2971",
            "d6a3c71de1b945ea11211b03746c1fe1",
        ),
    ),
    Facts(
        "retinamnist",
        "Severity of diabetic retinopathy, five grades",
        "fundus photograph",
        2,
        3,
        ("0", "1", "2", "3", "4"),
        (1080, 120, 400),
        _sums(
            "bd4c0672f1bba3e3a89f0e4e876791e4",
            "afda852cc34dcda56f86ad2b2457dbcc",
            "e48e916a24454daf90583d4e6efb1a18",
            "eae7e3b6f3fcbda4ae613ebdcbe35348",
        ),
        note="The grades are ordered (ordinal regression); here they are five classes, scored as MedMNIST scores them.",
    ),
    Facts(
        "breastmnist",
        "Malignant tumours in breast ultrasound",
        "ultrasound",
        2,
        1,
        ("malignant", "normal, benign"),
        (546, 78, 156),
        _sums(
            "750601b1f35ba3300ea97c75c52ff8f6",
            "742edef2a1fd1524b2efff4bd7ba9364",
            "363e4b3f8d712e9b5de15470a2aaadf1",
            "b56378a6eefa9fed602bb16d192d4c8b",
        ),
        note="156 test images: one more or less is 0.6 % accuracy.",
    ),
    Facts(
        "bloodmnist",
        "Normal blood cells, eight types",
        "microscopy",
        2,
        3,
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes (myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
        (11959, 1712, 3421),
        _sums(
            "7053d0359d879ad8a5505303e11de1dc",
            "2b94928a2ae4916078ca51e05b6b800b",
            "adace1e0ed228fccda1f39692059dd4c",
            "b718ff6835fcbdb22ba9eacccd7b2601",
        ),
    ),
    Facts(
        "tissuemnist",
        "Cells of the kidney cortex, eight types",
        "microscopy",
        2,
        1,
        (
            "collecting duct, connecting tubule",
            "distal convoluted tubule",
            "glomerular endothelial cells",
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
        (165466, 23640, 47280),
        _sums(
            "ebe78ee8b05294063de985d821c1c34b",
            "123ece2eba09d0aa5d698fda57103344",
            "61b955355d7425a89687b06cca3ce0c2",
            "b077128c4a949f0a4eb01517f9037b9c",
        ),
        note="Cut from three tissue specimens: cells of one specimen may be in every split.",
    ),
    Facts(
        "organamnist",
        "Abdominal organs in axial CT slices",
        "CT",
        2,
        1,
        _ORGANS,
        (34561, 6491, 17778),
        _sums(
            "68e3f8846a6bd62f0c9bf841c0d9eacc",
            "2dcccc29b88e6da5a01161ef20cda288",
            "eeae80d0a227a8d099027e1b3cfd3b60",
            "50747347e05c87dd3aaf92c49f9f3170",
        ),
    ),
    Facts(
        "organcmnist",
        "Abdominal organs in coronal CT slices",
        "CT",
        2,
        1,
        _ORGANS,
        (12975, 2392, 8216),
        _sums(
            "b9ceb9546e10131b32923c5bbeaea2b1",
            "3ce34a8724ea6f548e6db4744d03b6a9",
            "773c1f009daa3fe5d9a2a201b2a7ed94",
            "050f5e875dc056f6768abf94ec9995d1",
        ),
    ),
    Facts(
        "organsmnist",
        "Abdominal organs in sagittal CT slices",
        "CT",
        2,
        1,
        _ORGANS,
        (13932, 2452, 8827),
        _sums(
            "9ab87b696fb54e2a387ebe992d6ed5f1",
            "53a6d115339d874c25e309a994ff46d3",
            "ded0c5fa01a95dc4978b956f613e9b8e",
            "b354719e553fbbb2513d5533f52a4cb1",
        ),
    ),
    Facts(
        "organmnist3d",
        "Abdominal organs in CT, in 3D",
        "CT",
        3,
        1,
        (
            "liver",
            "kidney-right",
            "kidney-left",
            "femur-right",
            "femur-left",
            "bladder",
            "heart",
            "lung-right",
            "lung-left",
            "spleen",
            "pancreas",
        ),
        (971, 161, 610),
        _sums("a0c5a1ff56af4f155c46d46fbb45a2fe", "58a2205adf14a9d0a189cb06dc78bf10"),
        note="The class order differs from the 2D organ sets.",
    ),
    Facts(
        "nodulemnist3d",
        "Malignancy of lung nodules in CT, in 3D",
        "CT",
        3,
        1,
        ("benign", "malignant"),
        (1158, 165, 310),
        _sums("8755a7e9e05a4d9ce80a24c3e7a256f3", "c47c5b7d457bf6332200d2ea6d64ecd8"),
    ),
    Facts(
        "adrenalmnist3d",
        "Shape of adrenal glands, in 3D",
        "shape from CT",
        3,
        1,
        ("normal", "hyperplasia"),
        (1188, 98, 298),
        _sums("bbd3c5a5576322bc4cdfea780653b1ce", "17721accfe9fb005146a47d33bc54b2f"),
    ),
    Facts(
        "fracturemnist3d",
        "Types of rib fracture in CT, in 3D",
        "CT",
        3,
        1,
        ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
        (1027, 103, 240),
        _sums("6aa7b0143a6b42da40027a9dda61302f", "f01d7e6316aedf4210da0da5b7437b42"),
    ),
    Facts(
        "vesselmnist3d",
        "Aneurysms of brain vessels, in 3D",
        "shape from MRA",
        3,
        1,
        ("vessel", "aneurysm"),
        (1335, 191, 382),
        _sums("b41fd4f7e7e2feedddb201585ecafa1b", "6bb274a8846e1097066dcd64e2c4520f"),
    ),
    Facts(
        "synapsemnist3d",
        "Excitatory and inhibitory synapses, in 3D",
        "electron microscopy",
        3,
        1,
        ("inhibitory synapse", "excitatory synapse"),
        (1230, 177, 352),
        _sums("1235b78a3cd6280881dd7850a78eadb6", "43bd14ebf3af9d3dd072446fedc14d5e"),
    ),
)

FACTS = {facts.flag: facts for facts in _ALL}
