"""exp, tanh, the sigmoid and what is made of them: errors in units of the last place; NaN and ∞."""

import numpy as np
import pytest

from chainrule import ACTIVATIONS, NetworkSpec, Parameters
from chainrule.engine import compiled

DTYPES = ("float32", "float64")

# The next wider type holds the exact value to a small part of a unit: float64 for float32, and
# the processor's 80-bit numbers for float64 (where it has them).
WIDER = {"float32": np.float64, "float64": np.longdouble}

# From where exp(z) is no longer a normal number, and a little more.
LARGEST = {"float32": 104.0, "float64": 745.0}

# Most of them are below 2 (test_every_float.py); elu, which is expm1, is the worst.
MOST_ULP = 2.3


def column(name, z):
    """φ(z) through a network of one unit: w = 1 and b = 0 change no bit of z."""
    spec = NetworkSpec((1, 1), (name,), dtype=str(z.dtype))
    parameters = Parameters(spec)
    parameters.weights[0][:] = 1
    return compiled.forward(parameters, np.ascontiguousarray(z.reshape(-1, 1))).ravel()


def inputs(dtype, largest):
    """Uniform, normal, and of every magnitude down to the smallest; then the extremes."""
    rng, count = np.random.default_rng(6), 100_000
    tiny = float(np.finfo(dtype).tiny)
    magnitudes = np.exp(rng.uniform(np.log(tiny), np.log(largest), count))
    z = np.concatenate(
        [
            rng.uniform(-largest, largest, count),
            3 * rng.normal(size=count),
            magnitudes * rng.choice([-1.0, 1.0], count),
            [0.0, -0.0, tiny, -tiny, tiny / 4, largest, -largest, 0.5 * np.log(2), -np.log(2)],
        ]
    )
    return z.astype(dtype)


def ulp_errors(found, exact):
    """|found − exact| in units of the last place of the exact value; subnormals share a unit."""
    unit = np.spacing(np.maximum(np.abs(exact).astype(found.dtype), np.finfo(found.dtype).tiny))
    return np.abs(found.astype(exact.dtype) - exact) / unit


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


EXACT = {
    "exponential": np.exp,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
    "elu": elu,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "sine": np.sin,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_ulp(name, dtype):
    wider = WIDER[dtype]
    if np.finfo(wider).eps > np.finfo(dtype).eps / 100:
        pytest.skip(f"no type wider than {dtype} here")
    z = inputs(dtype, LARGEST[dtype])
    with np.errstate(over="ignore"):
        exact = EXACT[name](z.astype(wider))
    fits = np.abs(exact) < np.finfo(dtype).max
    errors = ulp_errors(column(name, z[fits]), exact[fits])
    worst = int(np.argmax(errors))
    assert errors[worst] <= MOST_ULP, (
        f"{name}({z[fits][worst]!r}) is {errors[worst]:.3g} ulp off, at most {MOST_ULP}"
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_values(dtype):
    """Where the value is a number that the dtype holds, it is that number."""
    at_zero = {"exponential": 1, "sigmoid": 0.5, "tanh": 0, "elu": 0, "sine": 0, "gaussian": 1}
    for name, value in at_zero.items():
        assert column(name, np.zeros(1, dtype)) == value, name
    z = inputs(dtype, LARGEST[dtype])
    for name in ("identity", "relu", "leaky_relu", "softsign", "hard_sigmoid"):
        expected = ACTIVATIONS[name].value(z)
        np.testing.assert_array_max_ulp(column(name, z), expected.astype(dtype), maxulp=1)


def test_odd_functions_are_odd():
    for dtype in DTYPES:
        z = np.abs(inputs(dtype, LARGEST[dtype]))
        for name in ("tanh", "sine", "softsign"):
            assert np.array_equal(column(name, -z), -column(name, z)), (name, dtype)


def test_monotonous_around_every_power_of_two_of_exp():
    """Where the reduction of exp changes its n, neighbours stay in order."""
    for dtype in DTYPES:
        n = np.arange(-100, 100)
        seams = ((n + 0.5) * np.log(2)).astype(dtype)
        z = neighbours(seams)
        values = column("exponential", z.ravel()).reshape(z.shape)
        assert np.all(np.diff(values, axis=0) >= 0), dtype


def neighbours(z):
    down, up = (np.nextafter(z, np.array(end, z.dtype)) for end in (-np.inf, np.inf))
    return np.stack([down, z, up])


INFINITIES = {
    "identity": (-np.inf, np.inf),
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, np.inf),
    "elu": (-1, np.inf),
    "softplus": (0, np.inf),
    "hard_sigmoid": (0, 1),
    "gaussian": (0, 0),
    "exponential": (0, np.inf),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", INFINITIES)
def test_infinity(name, dtype):
    found = column(name, np.array([-np.inf, np.inf], dtype))
    assert tuple(found) == INFINITIES[name]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_stays_nan(name, dtype):
    """Or weights that became NaN would train on behind a loss that looks fine."""
    assert np.isnan(column(name, np.array([np.nan], dtype))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [100.0, 800.0, 1e4, 1e30])
def test_saturated(size, dtype):
    """Far out nothing is NaN, and what has a limit reaches it."""
    z = np.array([-size, size], dtype)
    limits = {"sigmoid": (0, 1), "tanh": (-1, 1), "gaussian": (0, 0), "hard_sigmoid": (0, 1)}
    for name in ACTIVATIONS:
        found = column(name, z)
        assert not np.isnan(found).any(), name
        if name in limits:
            np.testing.assert_allclose(found, limits[name], atol=1e-40, err_msg=name)
