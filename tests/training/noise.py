"""Fits of noise, which the tests of a run's record share."""

import numpy as np

import chainrule as cr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = RNG.normal(size=(40, 1))
WEIGHT = RNG.uniform(0.5, 2, size=40)
HELD_OUT = (RNG.normal(size=(20, 4)), RNG.normal(size=(20, 1)))


def net(**options):
    options = {"activation": "tanh", "dtype": "float64", "seed": 1} | options
    return cr.Network([4, 20, 1], **options)


def fit(one, epochs=200, **options):
    """A fit of noise, whose validation loss soon rises."""
    options = {"optimizer": cr.Adam(0.02), "batch_size": 8, "validation": HELD_OUT} | options
    return one.fit(X, Y, epochs=epochs, **options)


def same(run, other):
    """Whether two runs hold the same bits."""
    pairs = zip(run.arrays().items(), other.arrays().items(), strict=True)
    return run.describe() == other.describe() and all(
        name == other_name and array.tobytes() == other_array.tobytes()
        for (name, array), (other_name, other_array) in pairs
    )
