from __future__ import annotations

import pytest

from workbench.errors import InputError, OutOfRangeError, check_keywords


def test_short_lists_of_options_are_kept_whole():
    with pytest.raises(InputError, match=r"'widht'\. Did you mean 'width'\? Valid options: depth, width\.$"):
        check_keywords(["depth", "widht"], ["width", "depth"], "Net", "help(net)")


def test_long_lists_are_cut_to_what_comes_near():
    names = [f"option_{letter}" for letter in "abcdefghijklmnop"]
    with pytest.raises(InputError) as error:
        check_keywords(["zzz"], names, "Net", "help(net)")
    assert str(error.value) == "Net got an unknown option 'zzz'. All 16 options are documented in help(net)."
    with pytest.raises(InputError, match=r"like it: option_c, (\w+, ){3}\w+\. All 16 options are documented"):
        check_keywords(["optionc"], names, "Net", "help(net)")
    with pytest.raises(InputError, match=r"option_a, .*option_p"):
        check_keywords(["optionc"], names, "Net")


def test_a_loop_ends_where_a_place_is_out_of_range():
    class Three:
        def __getitem__(self, index):
            if index > 2:
                raise OutOfRangeError("0 to 2")
            return index

    assert list(Three()) == [0, 1, 2]
    assert issubclass(OutOfRangeError, InputError)
