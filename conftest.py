"""The code blocks of the documentation are tests, wherever pytest meets a page; `tests/readers.py` says how."""

from __future__ import annotations

from tests.readers import doctest_reader, pytest_collect_file, reader

__all__ = ["doctest_reader", "pytest_collect_file", "reader"]
