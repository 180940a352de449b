"""Numbers as people say them."""

from workbench._words import count, left, lengths, size, span, voxels


def test_spans_and_sizes_are_as_exact_as_an_estimate():
    assert [span(x) for x in (0.2, 89, 11_500, 86400 * 12.3, 3.2e9)] == [
        "0.2 seconds", "89 seconds", "3.2 hours", "12 days", "100 years",
    ]  # fmt: skip
    assert [size(x) for x in (512, 1.34e6, 2.5e10, 9.1e15)] == ["512 bytes", "1.3 MB", "25 GB", "9.1 PB"]
    assert [size(x, digits=3) for x in (614_400, 157.4e6)] == ["614 kB", "157 MB"]


def test_what_is_left_is_told_as_soon_as_it_is_known():
    assert left(30.0, 0.1) == "4.5 minutes left"
    assert [left(0.9, 0.5), left(60.0, 0.01), left(60.0, 1.0)] == ["", "", ""]


def test_one_thing_and_several():
    assert [count(n, "class") for n in (0, 1, 2, 1200)] == ["0 classes", "1 class", "2 classes", "1,200 classes"]
    assert count(3, "case") == "3 cases"


def test_lengths_have_the_unit_that_is_known():
    assert lengths((0.5, 2), "patient") == lengths((0.5, 2), "object") == "0.5x2 mm"
    assert lengths((4, 4.123456), "pixels", digits=3) == "4x4.12 pixels"
    spaces = ("patient", "object", "pixels")
    assert [voxels((1, 2), "PL", space) for space in spaces] == [["1x2 mm", "PL"], ["1x2 mm"], []]
