"""Every row of every table says what it is, in text and in LaTeX, and where it comes from."""

import re

import pytest

from chainrule import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES

TABLES = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}
ROWS = [
    pytest.param(key, row, id=f"{table}-{key}")
    for table, rows in TABLES.items()
    for key, row in rows.items()
]
DIFFERENTIATED = [
    pytest.param(row, id=key)
    for table in ("activation", "loss")
    for key, row in TABLES[table].items()
]

# What the first issue of the engine promises; a name that goes missing breaks saved files.
PROMISED = {
    "activation": {
        "sigmoid", "tanh", "relu", "softmax", "identity", "leaky_relu", "elu", "selu", "gelu",
        "silu", "mish", "softplus", "softsign", "hard_sigmoid", "sine", "gaussian",
    },
    "loss": {
        "squared_error", "absolute_error", "huber", "log_cosh", "poisson",
        "binary_cross_entropy", "cross_entropy",
    },
    "initializer": {
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
        "lecun_normal", "standard_normal", "zeros",
    },
    "optimizer": {"sgd", "rmsprop", "adagrad", "adam", "adamw", "rprop"},
    "schedule": {"constant", "inverse_scaling", "exponential", "cosine", "one_cycle", "staircase"},
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_promised_names_are_there(table):
    assert PROMISED[table] <= set(TABLES[table])


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_row_is_complete(key, row):
    assert row.name == key
    for field in ("formula", "source"):
        assert getattr(row, field).strip(), f"{key}.{field} is empty"
    assert isinstance(row.departures, str)


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_name_can_be_typed_at_a_command_line(key, row):
    assert key.isidentifier()
    assert key == key.lower()
    assert row.name.isascii()


@pytest.mark.parametrize("row", DIFFERENTIATED)
def test_derivative_is_written_down(row):
    assert row.derivative_formula.strip(), f"{row.name}.derivative_formula is empty"


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_latex_closes_what_it_opens(key, row):
    for latex in [row.latex] if hasattr(row, "latex") else []:  # the others' is made by explain/
        plain = latex.replace(r"\{", "").replace(r"\}", "")
        assert plain.count("{") == plain.count("}"), f"{key}: braces of {latex}"
        assert latex.count(r"\left") - latex.count(r"\leftarrow") == latex.count(r"\right")


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_source_has_a_year_or_is_the_article(key, row):
    undated = ("the article", "the linear layer itself", "none: ")
    is_dated = re.search(r"\b1[789]\d\d\b|\b20\d\d\b", row.source)
    assert is_dated or row.source.startswith(undated), f"{key}: {row.source}"
