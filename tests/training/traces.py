"""Whether two traces are the same."""

import dataclasses

import numpy as np


def numbers(part, name=""):
    """Every array and number of a trace by its name, but for the update."""
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = (f.name for f in dataclasses.fields(part) if f.name != "update")
        return {k: v for f in fields for k, v in numbers(getattr(part, f), f"{name}.{f}").items()}
    if isinstance(part, tuple):
        return {k: v for i, x in enumerate(part) for k, v in numbers(x, f"{name}[{i}]").items()}
    if hasattr(part, "theta"):
        return {name: part.theta}
    return {name: np.asarray(part)} if part is not None else {}


def assert_same_bits(one, other):
    ours, theirs = numbers(one), numbers(other)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        same = array.dtype == theirs[name].dtype and array.tobytes() == theirs[name].tobytes()
        assert same, f"{name}: {array} is not {theirs[name]}"
