"""Points, boxes and ellipses keep their place in the body, whatever grid they are on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.shapes import Boxes, Ellipses, Points
from workbench.volume import Volume

#: Rows and columns swapped, one of them backwards, pixels of 2 mm by 0.5 mm.
TURNED = np.array([[0, -2.0, 0, 30], [0.5, 0, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])


class TestPoints:
    def test_onto_another_grid(self) -> None:
        moved = Points([[3, 4]], [2], np.eye(4), [0.5]).onto(TURNED)
        np.testing.assert_allclose(TURNED @ [*moved.values[0], 0, 1], [3, 4, 0, 1])
        assert moved.labels.tolist() == [2]
        assert moved.scores is not None
        assert moved.scores.tolist() == [0.5]
        np.testing.assert_allclose(moved.onto(np.eye(4)).values, [[3, 4]])

    def test_onto_in_three_dimensions(self) -> None:
        affine = np.array([[0, 0, 3.0, 1], [2, 0, 0, 2], [0, -1, 0, 3], [0, 0, 0, 1]])
        moved = Points([[1, 2, 3]], affine=affine).onto(np.eye(4))
        np.testing.assert_allclose(moved.values, [[10, 4, 1]])

    def test_within(self) -> None:
        points = Points([[0, 0], [4, 1], [4.6, 1], [-0.6, 2]])
        assert points.within((5, 3)).values.tolist() == [[0, 0], [4, 1]]

    def test_another_plane_is_an_error(self) -> None:
        sagittal = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
        with pytest.raises(InputError, match="same plane"):
            Points([[1, 1]]).onto(sagittal)


class TestBoxes:
    def test_onto_another_grid(self) -> None:
        box = Boxes([[1.5, 3.5, 4.5, 9.5]])
        moved = box.onto(TURNED)
        world = [TURNED @ [*corner, 0, 1] for corner in (moved.lower[0], moved.upper[0])]
        np.testing.assert_allclose(np.sort([w[0] for w in world]), [1.5, 4.5])
        np.testing.assert_allclose(np.sort([w[1] for w in world]), [3.5, 9.5])
        np.testing.assert_allclose(moved.onto(np.eye(4)).values, box.values)

    def test_within_cuts_at_the_edge(self) -> None:
        boxes = Boxes([[-3, 1, 4, 2], [-9, 0, -2, 2], [1, 1, 2, 99]], [0, 1, 2])
        kept = boxes.within((6, 5))
        assert kept.labels.tolist() == [0]
        assert kept.values.tolist() == [[-0.5, 1, 4, 2]]

    def test_filled_covers_the_voxels_between_its_corners(self) -> None:
        canvas = Boxes([[0.5, 1.5, 2.5, 3.5], [1.5, 2.5, 2.5, 3.5]], [0, 4]).filled((4, 5))
        wanted = np.zeros((4, 5))
        wanted[1:3, 2:4] = 1
        wanted[2, 3] = 5
        np.testing.assert_array_equal(canvas, wanted)

    def test_without_area(self) -> None:
        with pytest.raises(InputError, match=r"box 1 is \[2.0, 2.0, 2.0, 3.0\]"):
            Boxes([[0, 0, 1, 1], [2, 2, 2, 3]])


class TestEllipses:
    def test_the_longer_axis_comes_first(self) -> None:
        values = Ellipses([[0, 0, 3, 5, 0.2]]).values[0]
        np.testing.assert_allclose(values, [0, 0, 5, 3, 0.2 + np.pi / 2 - np.pi])

    @given(
        st.floats(-20, 20), st.floats(1, 9), st.floats(1.05, 3), st.floats(-1.5, 1.5), st.floats(-3, 3), st.booleans()
    )
    def test_onto_and_back(
        self, center: float, b: float, ratio: float, angle: float, turn: float, mirrored: bool
    ) -> None:
        ellipse = Ellipses([[center, 3, b * ratio, b, angle]])
        affine = np.eye(4)
        affine[:2, :2] = [[2 * np.cos(turn), -np.sin(turn)], [2 * np.sin(turn), np.cos(turn)]]
        affine[:2, 3] = 4, -7
        affine[:, 0] *= -1 if mirrored else 1
        back = ellipse.onto(affine).onto(np.eye(4))
        np.testing.assert_allclose(back.values[0, :4], ellipse.values[0, :4], atol=1e-6)
        assert abs(np.sin(back.values[0, 4] - ellipse.values[0, 4])) < 1e-5

    def test_a_point_on_the_outline_stays_on_it(self) -> None:
        ellipse = Ellipses([[4, 6, 5, 2, 0.7]])
        on_axis = Points([[4 + 5 * np.sin(0.7), 6 + 5 * np.cos(0.7)]])
        moved, point = ellipse.onto(TURNED), on_axis.onto(TURNED).values[0]
        offset = point - moved.centers[0]
        assert offset @ np.linalg.inv(moved.matrices()[0]) @ offset == pytest.approx(1)

    def test_filled_has_the_area_of_the_ellipse(self) -> None:
        area = (Ellipses([[50, 60, 40, 20, 0.5]]).filled((100, 120)) > 0).sum()
        assert area == pytest.approx(np.pi * 40 * 20, rel=0.01)


class TestAll:
    def test_empty(self) -> None:
        assert len(Boxes([])) == 0
        assert len(Boxes(np.zeros((0, 6))).onto(np.diag([1, 2, 3, 1])).within((3, 3, 3))) == 0
        assert Points([]).filled((2, 2)).sum() == 0

    def test_select_by_mask_and_by_number(self) -> None:
        points = Points([[0, 0], [1, 1], [2, 2]], [0, 1, 2], scores=[0.1, 0.2, 0.3])
        assert points.select([True, False, True]).labels.tolist() == [0, 2]
        assert points.select([2, 1]).values.tolist() == [[2, 2], [1, 1]]
        assert len(points.select([])) == 0

    @pytest.mark.parametrize(
        ("values", "labels", "word"),
        [
            ([[1, 2, 3, 4, 5]], [], r"\[n, 4 or 6\]"),
            ([[0, 0, 1, np.nan]], [], "finite"),
            ([[0, 0, 1, 1]], [-1], "start"),
        ],
    )
    def test_bad_values(self, values: list[list[float]], labels: list[int], word: str) -> None:
        with pytest.raises(InputError, match=word):
            Boxes(values, labels)

    def test_labels_must_fit(self) -> None:
        with pytest.raises(InputError, match="`labels` for each of 2"):
            Points([[0, 0], [1, 1]], [1])

    def test_outlines_lie_on_the_edge(self) -> None:
        grid = Volume(np.zeros((20, 30), np.uint8), TURNED)
        box = Boxes([[4.5, 5.5, 9.5, 12.5]], [1], TURNED)
        drawn = box.outlines(grid, ["cell", "nodule"])
        assert drawn.labels == {0: "background", 1: "cell", 2: "nodule"}
        assert drawn.data[5, 6] == 2
        assert drawn.data[7, 9] == 0
        assert (drawn.data > 0).sum() == 2 * (5 + 7) - 4
        assert drawn.data[:5].sum() == 0

    def test_lines_are_broader_on_large_grids_but_leave_small_shapes_open(self) -> None:
        grid = Volume(np.zeros((1000, 20), np.uint8))
        large = Boxes([[99.5, -0.5, 199.5, 19.5]], affine=grid.affine).outlines(grid).data
        # four rows in a thousand, and no more than a sixth of the shorter side
        assert np.flatnonzero(large[100:200, 10]).tolist() == [0, 1, 2, 97, 98, 99]
        small = Boxes([[9.5, 4.5, 19.5, 9.5]], affine=grid.affine).outlines(grid).data
        assert small[11:19, 6:9].sum() == 0, "the inside is free"
        assert (small > 0).sum() == 2 * (10 + 5) - 4

    def test_points_are_drawn_as_filled_discs(self) -> None:
        spacing = np.diag([-0.5, 1.0, 1, 1])
        grid = Volume(np.zeros((40, 30), np.uint8), spacing, space="object")
        drawn = Points([[20, 15], [1, 1]], [0, 1], spacing).outlines(grid).data
        disc = np.argwhere(drawn == 1) - [20, 15]
        reach = np.abs(disc * [0.5, 1.0]).max(axis=0)
        assert drawn[20, 15] == 1, "filled, and not a ring"
        assert reach[0] == pytest.approx(reach[1], abs=0.5), "round in millimetres"
        corners = np.abs(disc).max(axis=0)
        assert drawn[20 + corners[0], 15 + corners[1]] == 0, "no square"
        assert drawn[0, 0] == 2, "cut off at the edge of the grid, and still there"
        large = Volume(np.zeros((2000, 10), np.uint8))
        point = Points([[1000, 5]], affine=large.affine)
        assert (point.outlines(large).data > 0).sum(axis=0).max() > 20, "seen on a large picture too"

    def test_moved_by_a_matrix(self) -> None:
        quarter_turn = np.array([[0, -1, 9], [1, 0, 0], [0, 0, 1.0]])
        moved = Boxes([[1, 2, 3, 6]], affine=TURNED).moved(quarter_turn)
        np.testing.assert_allclose(moved.values, [[3, 1, 7, 3]])
        np.testing.assert_allclose(moved.affine, TURNED)
