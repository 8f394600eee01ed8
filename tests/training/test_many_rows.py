"""fit_many where each network learns from rows of its own: as if there were no others."""

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(61, 4))
Y = RNG.normal(size=(61, 2))
WEIGHTS = RNG.uniform(0.5, 2, size=61)
ROWS = [np.arange(0, 61, 2), None, [5, 3, 3, 40], np.arange(20), range(61), [60]]
OPTIONS = {
    "optimizer": [cr.SGD(0.05), cr.Adam(0.01), cr.AdamW(0.01)] * 2,
    "epochs": [4, 1, 7, 3, 5, 1],
    "batch_size": [7, "auto", 1, 16, 61, 32],
    "seed": range(6),
}


def made():
    dtypes = ["float32", "float64"] * 3
    return [cr.Network([4, 7, 2], seed=i, dropout=0.2, dtype=d) for i, d in enumerate(dtypes)]


def of_rows(taken, weighted):
    """The samples and weights that are left."""
    at = np.arange(61) if taken is None else np.asarray(taken)
    return X[at], Y[at], {"sample_weight": WEIGHTS[at] if weighted else None}


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_fit_on_those_rows(weighted):
    weight = WEIGHTS if weighted else None
    runs = cr.fit_many(made(), X, Y, rows=ROWS, sample_weight=weight, **OPTIONS)
    cr.resume_many(runs, X, Y, rows=ROWS, sample_weight=weight, epochs=2)
    for i, (net, taken) in enumerate(zip(made(), ROWS, strict=True)):
        inputs, targets, rest = of_rows(taken, weighted)
        alone = net.fit(inputs, targets, **{k: v[i] for k, v in OPTIONS.items()}, **rest)
        alone.resume(inputs, targets, epochs=2, **rest)
        assert runs[i].losses.tobytes() == alone.losses.tobytes(), i
        assert runs[i].network.parameters.theta.tobytes() == net.parameters.theta.tobytes(), i
        assert runs[i].record.fingerprints == alone.record.fingerprints, i


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0]], "rows must be one for all networks or a list of 6"),
        ([[0.5]] * 6, "network 0: rows must be whole numbers, at least one, got"),
        ([None] * 5 + [[]], "network 5: rows must be whole numbers, at least one, got"),
        ([None] * 5 + [[61]], "network 5: rows must be from 0 to 60, got"),
        ([[-1]] * 6, "network 0: rows must be from 0 to 60, got"),
    ],
)
def test_rows_that_there_are_not(rows, message):
    with pytest.raises(ValueError, match=message):
        cr.fit_many(made(), X, Y, rows=rows)
