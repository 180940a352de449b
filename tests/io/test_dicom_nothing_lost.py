"""Whatever a series mixes, every image of it is in what is read: in a channel, a slice, or a stack to choose."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.io.make_dicom import series
from workbench.errors import InputError
from workbench.testing.files import drain

FIELDS = st.fixed_dictionaries(
    {"number": st.integers(1, 4)},
    optional={
        "EchoTime": st.sampled_from([5, 10]),
        "AcquisitionNumber": st.integers(1, 3),
        "AcquisitionTime": st.sampled_from(["100000", "100001", "100002.5"]),
        "TriggerTime": st.sampled_from([0, 30, 30.2]),
        "TemporalPositionIdentifier": st.integers(1, 2),
        "ImageType": st.sampled_from([["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]]),
        "SOPInstanceUID": st.sampled_from(["1.2.3.1", "1.2.3.2"]),
        "ImageOrientationPatient": st.sampled_from([[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 1e-4, 0, 1, 0]]),
        "PixelSpacing": st.sampled_from([[0.5, 0.75], [0.50001, 0.75], [1, 1]]),
    },
)
PLACES = st.tuples(st.sampled_from([0, 0, 0, 40]), st.just(0), st.sampled_from([0, 2, 4, 6, 6.7, 8, 8.7, 30]))


def values_of(volume) -> set[int]:
    return set(np.unique(volume.data).tolist())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(PLACES, FIELDS), min_size=1, max_size=14))
def test_every_image_is_somewhere(images):
    with tempfile.TemporaryDirectory() as place:
        folder = series(Path(place) / "s", [(100 + n, position, dict(f)) for n, (position, f) in enumerate(images)])
        try:
            seen = values_of(drain(folder))
        except InputError as error:
            count = int(re.search(r"slices of (\d+)", str(error)).group(1))
            seen = set().union(*(values_of(drain(folder, stack=n)) for n in range(count)))
        assert seen == set(range(100, 100 + len(images)))
