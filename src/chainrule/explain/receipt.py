"""Receipt: everything that a number of a step is made of, as JSON that anybody can check.

A receipt has the numbers that the step began with, and a line for each that was made: its name,
its number, and the expression that makes it, of names that came before. ``verify.py`` checks it,
knowing nothing of this package.
"""

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from chainrule.explain.equations import Equations
from chainrule.explain.expressions import (
    Call,
    Cases,
    Comparison,
    Constant,
    Expression,
    Letter,
    Negative,
    Power,
    Product,
    Quotient,
    Reference,
    Series,
    Sum,
)
from chainrule.explain.quantities import DERIVED, KINDS, Quantity
from chainrule.theory.checks import plain
from chainrule.theory.optimizer import Optimizer

FORMAT = 1


def receipt(equations: Equations, explained: Iterable[Quantity]) -> dict[str, Any]:
    """Return the receipt of some quantities, ready for JSON.

    Parameters
    ----------
    equations : Equations
    explained : iterable of Quantity

    Returns
    -------
    dict
        ``given`` and ``lines`` are in an order in which each line needs only what came before.

    Raises
    ------
    ValueError
        If a number is not finite, or the loss is a function of the user's own.
    """
    if not equations.spec.loss_row.is_known:
        raise ValueError("a receipt needs formulas, and a loss of one's own has none")
    if equations.decimals is not None:
        raise ValueError("a receipt is of the engine's numbers, and these are rounded as on paper")
    wanted = list(dict.fromkeys(explained))
    given, lines = [], []
    for quantity in _in_order(equations, wanted):
        line = equations.line(quantity)
        if not math.isfinite(line.value):
            raise ValueError(f"a receipt needs finite numbers, and {quantity} is {line.value}")
        entry = {"name": str(quantity), "value": line.value}
        if line.formula is None:
            given.append(entry | {"is": KINDS[quantity.kind]})
        else:
            by = "computed" if quantity.kind in DERIVED else "engine"
            lines.append(entry | {"by": by, "equals": encoded(line.formula)})
    return _header(equations) | {
        "explains": list(map(str, wanted)),
        "given": given,
        "lines": lines,
    }


def _header(equations: Equations) -> dict[str, Any]:
    trace, spec = equations.trace, equations.spec
    update = trace.update
    loss = spec.loss_row
    return {
        "receipt": FORMAT,
        "step": trace.step,
        "rows": trace.rows.tolist(),
        "network": {
            "layer_sizes": list(spec.layer_sizes),
            "activations": list(spec.activations),
            "loss": loss.row,
            "loss_options": plain(loss.settings),
            "reduction": spec.reduction,
            "l2": spec.l2,
            "l1": spec.l1,
            "dropout": trace.dropout,
            "dtype": spec.dtype,
        },
        "is_weighted": trace.sample_weight is not None,
        "update": None
        if update is None
        else {
            "optimizer": update.optimizer.name,
            "options": _options(update.optimizer),
            "learning_rate": update.learning_rate,
            "step_number": update.t,
            "is_clipped": update.clip_factor != 1,
        },
    }


def _options(optimizer: Optimizer) -> dict[str, Any]:
    names = [field.name for field in fields(optimizer) if field.name != "learning_rate"]
    options: dict[str, Any] = plain({name: getattr(optimizer, name) for name in names})
    return options


def _in_order(equations: Equations, wanted: Iterable[Quantity]) -> list[Quantity]:
    """Return the quantities and all that they are made of, what is needed before what needs it."""
    done: dict[Quantity, None] = {}
    stack = [(quantity, False) for quantity in reversed(list(wanted))]
    while stack:
        quantity, is_ready = stack.pop()
        if quantity in done:
            continue
        if is_ready:
            done[quantity] = None
            continue
        stack.append((quantity, True))
        needed = dict.fromkeys(equations.needed(quantity))
        stack += [(one, False) for one in reversed(needed) if one not in done]
    return list(done)


def encoded(tree: Expression) -> Any:  # noqa: ANN401 (what JSON can hold)
    """Return an expression as lists, an operation first; names are texts."""
    match tree:
        case Reference(quantity=quantity):
            return str(quantity)
        case Constant(value=value):
            return value
        case Negative(of=of):
            return ["-", encoded(of)]
        case Sum(terms=parts):
            return ["+", *map(encoded, parts)]
        case Product(factors=parts):
            return ["*", *map(encoded, parts)]
        case Quotient(top=top, bottom=bottom):
            return ["/", encoded(top), encoded(bottom)]
        case Power(base=base, exponent=exponent):
            return ["^", encoded(base), encoded(exponent)]
        case Call(function=name, arguments=parts):
            return [name, *map(encoded, parts)]
        case Comparison(operands=operands, relations=relations):
            return ["holds", list(relations), *map(encoded, operands)]
        case Cases(value=value, condition=condition, otherwise=otherwise):
            return ["if", *map(encoded, (condition, value, otherwise))]
        case Series():
            return _encoded_series(tree)
    raise TypeError(f"{tree!r} can't stand in a receipt")


def _encoded_series(series: Series) -> Any:  # noqa: ANN401
    """Return a sum, by its pattern and the number of terms where each term follows it."""
    count = len(series.terms)
    if len(series.index) == 1 and not _has_letters(series.pattern):
        pattern = encoded(series.pattern)
        if all(
            encoded(series.at(n)) == encoded(series.terms[n]) for n in {0, count // 2, count - 1}
        ):
            return ["sum", series.index, count, pattern]
    return ["+", *map(encoded, series.terms)]


def _has_letters(tree: Expression) -> bool:
    return isinstance(tree, Letter) or any(map(_has_letters, tree.parts()))
