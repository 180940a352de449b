"""A lack of memory, told in the words of whoever ran into it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workbench.errors import StateError, WorkbenchError

if TYPE_CHECKING:
    from workbench.frameworks import Framework


@contextlib.contextmanager
def within_memory(framework: Framework, refusal: Callable[[], StateError]) -> Iterator[None]:
    """Turn a lack of memory into an error that says what to do.

    Parameters
    ----------
    framework : Framework
        Knows what a lack of memory looks like on its devices.
    refusal : callable
        Makes the error.

    Raises
    ------
    StateError
        If memory runs out; any other error passes unchanged.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        if framework.out_of_memory(error):
            raise refusal() from error
        raise
