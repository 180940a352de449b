"""What every file format promises.

A format reads lazily: after ``read`` the geometry is known and the voxels are not loaded. Written and read back, a
volume has the same voxels, type, affine (1e-5), axes and meaning; a format that cannot hold something says so when
writing and leaves nothing behind. A file that does not say where in the body its voxels lie is of no patient: its
``space`` is ``"object"`` where it gives their size, else ``"pixels"``. A file that is cut anywhere, or has any byte
changed, gives either a Volume or a WorkbenchError, never another error. An option that does not exist is an error that
names it. Nothing of the path but its suffix is in the repr.

A format's test class inherits `FormatContract` and says which volumes it can hold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench._geometry import codes, from_codes
from workbench.errors import InputError
from workbench.io import read, write
from workbench.testing.files import FileContract, distinct, drain
from workbench.testing.grids import oblique
from workbench.volume import Volume


@st.composite
def affines(draw, shear: bool = False) -> np.ndarray:
    """Rotations of any angle, flips, anisotropic voxels, far origins; sheared on demand."""
    angles = [draw(st.floats(-np.pi, np.pi)) for _ in range(3)]
    out = from_codes(draw(st.sampled_from(codes())))
    for axis, angle in enumerate(angles):
        turn = np.eye(4)
        a, b = [other for other in range(3) if other != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        out = turn @ out
    if shear:
        lean = np.eye(4)
        lean[1, 2] = draw(st.floats(-0.4, 0.4))
        out = out @ lean
    out[:3, :3] *= [draw(st.floats(0.2, 6.0)) for _ in range(3)]
    out[:3, 3] = [draw(st.floats(-180.0, 180.0)) for _ in range(3)]
    return out


def same(result: Volume, expected: Volume, tolerance: float = 0.0) -> None:
    assert result.axes == expected.axes
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result.affine, expected.affine, atol=1e-5, err_msg="the affine is another")
    np.testing.assert_allclose(result.data, expected.data, rtol=0, atol=tolerance, err_msg="the voxels are others")


class FormatContract(FileContract):
    """Inherit, and set `suffixes` and what the format can hold.

    Where suffixes differ in that, each kind of them has a test class of its own. `volume` and `path` say what is
    written and where, if that is special; `shape` is that of the volume.
    """

    #: Types of voxels that come back as they were.
    dtypes: tuple[str, ...] = ("uint8", "int16", "uint16", "int32", "float32", "float64")
    #: Whether any orientation comes back.
    keeps_affine: bool = True
    #: Whether axes may be oblique to one another.
    keeps_shear: bool = True
    #: Whether channels and their names come back; if not, they are refused when writing.
    keeps_channels: bool = True
    #: Whether kind, names of labels and the unit come back.
    keeps_meaning: bool = True

    @pytest.fixture
    def affine(self) -> np.ndarray:
        """Where most volumes lie."""
        return oblique()

    def check_round_trip(self, volume: Volume, path: Path) -> Volume:
        assert write(volume, path) == path
        result = read(path)
        assert not result.is_loaded, "reading loads no voxels before they are asked for"
        assert "not loaded" in repr(result)
        assert result.shape == volume.shape
        same(result, volume)
        assert result.is_loaded
        assert result.data.dtype.isnative
        return result

    def test_dtypes_round_trip(self, tmp_path):
        for suffix in self.suffixes:
            for dtype in self.dtypes:
                self.check_round_trip(self.volume(dtype), self.path(tmp_path, f"-{dtype}{suffix}"))

    def test_all_48_orientations_round_trip(self, tmp_path):
        if not self.keeps_affine:
            pytest.skip("the format keeps no orientation")
        for code in codes():
            volume = self.volume(affine=from_codes(code, (0.7, 1.3, 2.5), (-11.5, 20.25, 93.125)))
            result = self.check_round_trip(volume, self.path(tmp_path, f"-{code}{self.suffixes[0]}"))
            assert result.orientation == code[: result.spatial_ndim]

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_oblique_affines_round_trip(self, data, tmp_path_factory):
        if not self.keeps_affine:
            pytest.skip("the format keeps no orientation")
        affine = data.draw(affines(shear=self.keeps_shear))
        suffix = data.draw(st.sampled_from(self.suffixes))
        self.check_round_trip(self.volume(affine=affine), self.path(tmp_path_factory.mktemp("oblique"), suffix))

    def unplaced(self, folder: Path, sized: bool) -> Path | None:
        """Write a file of another program that does not say where in the body its voxels lie.

        It gives their size, or none; where the format has no such files, this returns None.
        """
        return None

    @pytest.mark.parametrize("sized", [True, False])
    def test_without_a_place_there_is_no_patient(self, tmp_path, sized):
        path = self.unplaced(tmp_path, sized)
        if path is None:
            pytest.skip(f"a file {'with' if sized else 'without'} sizes and a place does not exist in this format")
        volume = drain(path)
        assert volume.space == ("object" if sized else "pixels")
        assert sized == ("mm" in repr(volume))
        assert volume.orientation not in repr(volume)

    def test_with_a_place_there_is_a_patient(self, tmp_path, affine):
        if not self.keeps_affine:
            pytest.skip("the format keeps no orientation")
        assert drain(write(self.volume(affine=affine), self.path(tmp_path, self.suffixes[0]))).space == "patient"

    def test_channels_round_trip(self, tmp_path, affine):
        for suffix in self.suffixes:
            data = distinct((*self.shape, 3), np.float32)
            volume = Volume(data, affine, axes=(*"ijk"[: len(self.shape)], "c"), channels=("a", "b", "c"))
            if not self.keeps_channels:
                path = self.path(tmp_path, suffix)
                with pytest.raises(InputError, match="channel"):
                    write(volume, path)
                assert not [file for file in tmp_path.rglob("*") if file.is_file()]
                continue
            result = self.check_round_trip(volume, self.path(tmp_path, suffix))
            assert result.channels == ("a", "b", "c")

    def test_meaning_round_trips(self, tmp_path):
        if not self.keeps_meaning:
            pytest.skip("the format has no field for it")
        for suffix in self.suffixes:
            volume = self.volume("uint8", kind="labels", labels={0: "background", 2: "Öl"}, unit="a.u.")
            result = self.check_round_trip(volume, self.path(tmp_path, suffix))
            assert (result.kind, result.labels, result.unit) == ("labels", {0: "background", 2: "Öl"}, "a.u.")

    @pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
    def test_inverted_round_trips(self, tmp_path):
        if not self.keeps_meaning:
            pytest.skip("the format has no field for it")
        for suffix in self.suffixes:
            for inverted in (True, False):
                path = self.path(tmp_path, f"-{inverted}{suffix}")
                assert self.check_round_trip(self.volume("uint8", inverted=inverted), path).inverted is inverted

    def test_nothing_is_left_when_writing_fails(self, tmp_path):
        with pytest.raises(InputError):
            write(Volume(np.zeros((2, 2, 2, 5), np.longdouble)), self.path(tmp_path, self.suffixes[0]))
        assert not list(tmp_path.iterdir())
