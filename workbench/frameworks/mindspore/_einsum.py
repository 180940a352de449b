"""Einstein summation of one or two operands by transposing and multiplying: MindSpore's CPU has no kernel for it."""

from __future__ import annotations

import math
from typing import Any

from mindspore import ops

from workbench.errors import InputError


def einsum(equation: str, *operands: Any) -> Any:
    """Return the sum of products that `equation` describes (letters and an arrow, no ellipsis, no repeated letter).

    Raises
    ------
    InputError
        If the equation is of another form.
    """
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    simple = arrow and all(len(set(term)) == len(term) and (not term or term.isalpha()) for term in [*inputs, output])
    if not simple or len(inputs) != len(operands) or len(inputs) > 2:
        raise InputError(
            f"On MindSpore einsum takes one or two operands, letters once each and '->', got {equation!r}. Use matmul."
        )
    terms = [
        _summed(x, term, output + "".join(inputs[:index] + inputs[index + 1 :]))
        for index, (x, term) in enumerate(zip(operands, inputs, strict=True))
    ]
    if len(terms) == 1:
        return _ordered(*terms[0], output)
    (x, a), (y, b) = terms
    shared = [letter for letter in a if letter in b]
    batch = [letter for letter in shared if letter in output]
    inner = [letter for letter in shared if letter not in output]
    rows, columns = [letter for letter in a if letter not in b], [letter for letter in b if letter not in a]
    sizes = dict(zip(a, x.shape, strict=True)) | dict(zip(b, y.shape, strict=True))

    def extent(letters: list[str]) -> int:
        return math.prod(sizes[letter] for letter in letters)

    x = _ordered(x, a, "".join(batch + rows + inner)).reshape(extent(batch), extent(rows), extent(inner))
    y = _ordered(y, b, "".join(batch + inner + columns)).reshape(extent(batch), extent(inner), extent(columns))
    letters = batch + rows + columns
    product = ops.matmul(x, y).reshape(tuple(sizes[letter] for letter in letters))
    return _ordered(product, "".join(letters), output)


def _summed(x: Any, term: str, wanted: str) -> tuple[Any, str]:
    lonely = tuple(axis for axis, letter in enumerate(term) if letter not in wanted)
    return (x.sum(lonely) if lonely else x), "".join(letter for letter in term if letter in wanted)


def _ordered(x: Any, term: str, wanted: str) -> Any:
    return x if term == wanted else ops.transpose(x, tuple(term.index(letter) for letter in wanted))
