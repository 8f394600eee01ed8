"""The vocabulary against the trace that it names."""

from dataclasses import fields

import numpy as np
import pytest

import chainrule as cr
from chainrule.theory.symbols import SYMBOLS

N, SIZES = 5, (4, 3, 2)


@pytest.fixture(scope="module", params=["compiled", "reference"])
def trace(request):
    net = cr.Network(SIZES, activation="tanh", dtype="float64", engine=request.param)
    rng = np.random.default_rng(0)
    return net.trace(rng.normal(size=(N, 4)), rng.normal(size=(N, 2)))


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbol_is_complete(name):
    row = SYMBOLS[name]
    assert row.name == name
    for field in fields(row):
        assert getattr(row, field.name).strip(), f"{name}.{field.name} is empty"


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbol_is_an_attribute_of_the_trace_of_the_stated_shape(name, trace):
    value, stated = getattr(trace, name), SYMBOLS[name].shape
    if stated == "scalar":
        assert isinstance(value, float)
    elif isinstance(value, tuple):
        last = value[-1].shape
        pattern = {"as W": "(fan_in, fan_out)", "as b": "(fan_out,)"}.get(stated, stated)
        sizes = {"n": N, "fan_in": SIZES[-2], "fan_out": SIZES[-1]}
        assert last == tuple(sizes[word] for word in pattern.strip("(),").split(", "))
    else:
        expected = {"(n, outputs)": (N, SIZES[-1]), "(n,)": (N,)}[stated]
        assert value.shape == expected


@pytest.mark.parametrize("field", ["symbol", "latex"])
def test_symbols_are_told_apart(field):
    written = [getattr(row, field) for row in SYMBOLS.values()]
    assert len(set(written)) == len(written), written
