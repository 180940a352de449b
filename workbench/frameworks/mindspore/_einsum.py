"""Einstein summation of one or two operands by transposing and multiplying: MindSpore's CPU has no kernel for it."""

from __future__ import annotations

import math
from typing import Any

from mindspore import ops

from workbench.errors import InputError
from workbench.frameworks.mindspore._static import static


def einsum(equation: str, *operands: Any) -> Any:
    """Return the sum of products that `equation` describes (letters and an arrow, no ellipsis, no repeated letter).

    Raises
    ------
    InputError
        If the equation is of another form.
    """
    if len(operands) == 1:
        axes, order = _one(equation, operands[0].ndim)
        return _ordered(_summed(operands[0], axes), order)
    shapes: tuple[Any, ...] = ()
    for operand in operands:
        shapes = (*shapes, operand.shape)
    left, right, shape, order = _two(equation, shapes)
    x = _ordered(_summed(operands[0], left[0]), left[1]).reshape(left[2])
    y = _ordered(_summed(operands[1], right[0]), right[1]).reshape(right[2])
    return _ordered(ops.matmul(x, y).reshape(shape), order)


def _summed(x: Any, axes: Any) -> Any:
    return x.sum(axes) if len(axes) > 0 else x


def _ordered(x: Any, order: Any) -> Any:
    return ops.transpose(x, order) if len(order) > 0 else x


def _terms(equation: str, operands: int) -> tuple[list[str], str]:
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    simple = arrow and all(len(set(term)) == len(term) and (not term or term.isalpha()) for term in [*inputs, output])
    if not simple or len(inputs) != operands or len(inputs) > 2:
        raise InputError(
            f"On MindSpore einsum takes one or two operands, letters once each and '->', got {equation!r}. Use matmul."
        )
    return inputs, output


@static
def _one(equation: str, ndim: int) -> Any:
    """Return the axes to sum over, and the order of those that stay."""
    (term,), output = _terms(equation, 1)
    _check_axes(equation, term, ndim)
    return _sums(term, output), _order(_kept(term, output), output)


@static
def _two(equation: str, shapes: Any) -> Any:
    """Return (axes to sum over, order, matrix shape) of both operands; shape and order of the product."""
    inputs, output = _terms(equation, len(shapes))
    for term, shape in zip(inputs, shapes, strict=True):
        _check_axes(equation, term, len(shape))
    wanted = [output + inputs[1], output + inputs[0]]
    a, b = (_kept(term, letters) for term, letters in zip(inputs, wanted, strict=True))
    batch = [letter for letter in a if letter in b and letter in output]
    inner = [letter for letter in a if letter in b and letter not in output]
    rows, columns = [letter for letter in a if letter not in b], [letter for letter in b if letter not in a]
    sizes = {
        letter: n for term, shape in zip(inputs, shapes, strict=True) for letter, n in zip(term, shape, strict=True)
    }

    def extents(*groups: list[str]) -> tuple[int, ...]:
        return tuple(math.prod(sizes[letter] for letter in letters) for letters in groups)

    product = "".join(batch + rows + columns)
    return (
        (_sums(inputs[0], wanted[0]), _order(a, "".join(batch + rows + inner)), extents(batch, rows, inner)),
        (_sums(inputs[1], wanted[1]), _order(b, "".join(batch + inner + columns)), extents(batch, inner, columns)),
        tuple(sizes[letter] for letter in product),
        _order(product, output),
    )


def _check_axes(equation: str, term: str, ndim: int) -> None:
    if len(term) != ndim:
        raise InputError(f"einsum {equation!r} gives {len(term)} letters to an operand of {ndim} axes.")


def _kept(term: str, wanted: str) -> str:
    return "".join(letter for letter in term if letter in wanted)


def _sums(term: str, wanted: str) -> tuple[int, ...]:
    return tuple(axis for axis, letter in enumerate(term) if letter not in wanted)


def _order(term: str, wanted: str) -> tuple[int, ...]:
    return () if term == wanted else tuple(term.index(letter) for letter in wanted)
