"""Each activation against its derivative, its published values and its limits.

Every test is parametrised over the table, so that a new row is tested by being there.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ACTIVATIONS

ROWS = list(ACTIVATIONS.values())
ELEMENTWISE = [row for row in ROWS if row.elementwise]
BY_NAME = {"ids": lambda row: row.name}

EPSILON = np.finfo(np.float64).eps

# 2/7 apart and never near a whole number, where the kinks of the table lie (0 and ±3).
POINTS = np.concatenate([np.arange(-7, 7) + 1 / 7, np.arange(-7, 7) + 3 / 7])

PUBLISHED = {
    "identity": [(-2.5, -2.5)],
    "sigmoid": [(0.0, 0.5), (1.0, 0.7310585786300049), (-1.0, 0.2689414213699951)],
    "tanh": [(1.0, 0.7615941559557649), (-0.5, -0.46211715726000975)],
    "relu": [(-3.0, 0.0), (0.0, 0.0), (3.0, 3.0)],
    "leaky_relu": [(-1.0, -0.01), (2.0, 2.0)],
    "elu": [(-1.0, -0.6321205588285577), (2.0, 2.0)],
    "selu": [(1.0, 1.0507009873554805), (-1.0, -1.1113307378125625)],
    "gelu": [(1.0, 0.8413447460685429), (-1.0, -0.15865525393145707)],
    "silu": [(1.0, 0.7310585786300049), (-1.278464542761074, -0.2784645427610738)],
    "mish": [(1.0, 0.8650983882673103), (-1.0, -0.3034014613741089)],
    "softplus": [(0.0, 0.6931471805599453), (1.0, 1.3132616875182228)],
    "softsign": [(1.0, 0.5), (-3.0, -0.75)],
    "hard_sigmoid": [(-3.0, 0.0), (0.0, 0.5), (1.0, 2 / 3), (3.0, 1.0)],
    "sine": [(0.5, 0.479425538604203), (-1.5707963267948966, -1.0)],
    "gaussian": [(0.0, 1.0), (1.0, 0.36787944117144233), (-2.0, 0.01831563888873418)],
    "exponential": [(1.0, 2.718281828459045), (-1.0, 0.36787944117144233)],
}

# What the departures of the rows say of the points without a derivative.
AT_KINKS = {
    "relu": [(0.0, 0.0)],
    "leaky_relu": [(0.0, 0.01)],
    "elu": [(0.0, 1.0)],
    "selu": [(0.0, 1.0507009873554805 * 1.6732632423543772)],
    "softsign": [(0.0, 1.0)],
    "hard_sigmoid": [(-3.0, 0.0), (3.0, 0.0)],
}

LIMITS = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, 1e4),
    "leaky_relu": (-100.0, 1e4),
    "elu": (-1.0, 1e4),
    "selu": (-1.7580993408473766, 10507.009873554805),
    "gelu": (0.0, 1e4),
    "silu": (0.0, 1e4),
    "mish": (0.0, 1e4),
    "softplus": (0.0, 1e4),
    "softsign": (-1e4 / 10001, 1e4 / 10001),
    "hard_sigmoid": (0.0, 1.0),
    "gaussian": (0.0, 0.0),
    "exponential": (0.0, np.inf),
    "identity": (-1e4, 1e4),
    "sine": (0.305614388888252, -0.305614388888252),
}


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_derivative_is_the_central_difference(row):
    h = np.cbrt(EPSILON) * np.maximum(1, np.abs(POINTS))
    numeric = (row.value(POINTS + h) - row.value(POINTS - h)) / (2 * h)
    # Truncation h² φ‴/6 and rounding ε |φ| / h are both about 1e-9 of the larger of φ and φ′.
    size = np.maximum(np.abs(row.value(POINTS)), 1)
    np.testing.assert_array_less(np.abs(row.derivative(POINTS) - numeric) / size, 1e-8)


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_derivative_is_the_complex_step(row):
    """Im φ(z + ih) / h has no subtraction, so nothing but rounding is left: 1e-12."""
    h = 1e-30
    z = POINTS[np.abs(POINTS) < 4]
    exact = row.value(z + 1j * h).imag / h
    np.testing.assert_allclose(row.derivative(z), exact, rtol=1e-12, atol=0)


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_derivative_is_the_complex_step_in_the_tails(row):
    """In the tails, 1 − a keeps only the digits that a has: up to 2 ε of φ′'s largest, 1."""
    h = 1e-30
    z = np.concatenate([5 * POINTS[POINTS < -4], 5 * POINTS[POINTS > 4]])
    exact = row.value(z + 1j * h).imag / h
    np.testing.assert_allclose(row.derivative(z), exact, rtol=1e-12, atol=2 * EPSILON)


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_smooth_is_said_of_those_without_a_kink(row):
    """At 0 and ±3, where the table has its kinks, φ′ or φ″ jumps by at least 1/10; else by h."""
    h, kinks = 1e-4, np.array([-3.0, 0.0, 3.0])
    far, near, above, further = (row.derivative(kinks + k * h) for k in (-2, -1, 1, 2))
    jumps = np.maximum(np.abs(above - near), np.abs((further - above) - (near - far)) / h)
    assert row.smooth == bool(np.all(jumps < 0.02))


@pytest.mark.parametrize("row", [r for r in ROWS if not r.smooth], **BY_NAME)
def test_derivative_at_a_kink_is_the_documented_side(row):
    assert row.name in AT_KINKS, f"state the derivative of {row.name} at its kinks in AT_KINKS"
    points, expected = np.array(AT_KINKS[row.name]).T
    np.testing.assert_allclose(row.derivative(points), expected, rtol=2 * EPSILON)


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_values_at_published_points(row):
    assert row.name in PUBLISHED, f"add published values of {row.name} to PUBLISHED"
    points, expected = np.array(PUBLISHED[row.name]).T
    np.testing.assert_allclose(row.value(points), expected, rtol=4 * EPSILON)


def test_selu_keeps_mean_0_and_variance_1():
    """What λ and α were chosen for (Klambauer et al. 2017, section 2), by Gauss–Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    selu = ACTIVATIONS["selu"].value
    moments = np.zeros(2)
    for side in (-6.0, 6.0):  # each half-line [0, ±12] is smooth
        z = side * (1 + nodes)
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        moments += [6 * np.sum(weights * density * selu(z) ** power) for power in (1, 2)]
    np.testing.assert_allclose(moments, [0, 1], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("row", ELEMENTWISE, **BY_NAME)
def test_values_and_derivatives_at_ten_thousand(row):
    assert row.name in LIMITS, f"state the values of {row.name} at ±1e4 in LIMITS"
    z = np.array([-1e4, 1e4])
    expected = np.array(LIMITS[row.name])
    allowed = {"over": "ignore"} if np.isinf(expected).any() else {"over": "raise"}
    with np.errstate(divide="raise", invalid="raise", **allowed):
        value, derivative = row.value(z), row.derivative(z)
    np.testing.assert_allclose(value, expected, rtol=1e-11, atol=0)
    finite = np.isfinite(expected)
    assert np.isfinite(derivative[finite]).all(), f"φ′(±1e4) = {derivative}"


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_arrays_keep_shape_and_input(row):
    z = np.linspace(-2, 2, 24).reshape(2, 3, 4)
    before = z.copy()
    for result in (row.value(z), row.derivative(z)):
        assert (result.shape, result.dtype) == (z.shape, z.dtype)
        assert not np.shares_memory(result, z)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
@pytest.mark.parametrize("units", [1, 2, 5, 17])
def test_jacobian_entry_by_entry(row, units):
    """Every ∂aⱼ/∂zₖ by a complex step to 1e-12 and by a central difference to 1e-8."""
    z = np.random.default_rng(units).uniform(0.1, 2.9, (3, units)) * [[1], [-1], [1]]
    h, step = 1e-30, np.cbrt(EPSILON)
    jacobian = row.jacobian(z)
    assert jacobian.shape == (3, units, units)
    for k, unit in enumerate(np.eye(units)):
        exact = row.value(z + 1j * h * unit).imag / h
        numeric = (row.value(z + step * unit) - row.value(z - step * unit)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, :, k], exact, rtol=1e-12, atol=0)
        np.testing.assert_allclose(jacobian[:, :, k], numeric, rtol=1e-8, atol=2e-9)


@settings(max_examples=25)
@given(
    name=st.sampled_from(sorted(ACTIVATIONS)),
    n=st.sampled_from([1, 2, 5]),
    units=st.sampled_from([1, 2, 3, 17]),
    seed=st.integers(0, 2**32 - 1),
)
def test_pullback_is_upstream_times_jacobian(name, n, units, seed):
    row, rng = ACTIVATIONS[name], np.random.default_rng(seed)
    z, upstream = rng.normal(0, 2, (n, units)), rng.normal(0, 1, (n, units))
    expected = np.einsum("ij,ijk->ik", upstream, row.jacobian(z))
    # A sum of `units` terms may cancel: its rounding is measured against its largest term.
    scale = np.abs(upstream).max() * np.abs(row.jacobian(z)).max()
    np.testing.assert_allclose(row.pullback(z, upstream), expected, rtol=1e-12, atol=1e-14 * scale)


class TestSoftmax:
    """What mixes the units of a row."""

    row = ACTIVATIONS["softmax"]

    def test_published_values(self):
        expected = [[0.09003057317038046, 0.24472847105479764, 0.6652409557748219]]
        np.testing.assert_allclose(self.row.value(np.array([[1.0, 2, 3]])), expected, rtol=1e-15)

    def test_jacobian_of_a_worked_row(self):
        a = np.array([0.09003057317038046, 0.24472847105479764, 0.6652409557748219])
        expected = [[a[j] * ((j == k) - a[k]) for k in range(3)] for j in range(3)]
        jacobian = self.row.jacobian(np.array([[1.0, 2, 3]]))[0]
        np.testing.assert_allclose(jacobian, expected, rtol=1e-14)

    def test_jacobian_is_symmetric_and_its_rows_sum_to_0(self):
        jacobian = self.row.jacobian(np.random.default_rng(0).normal(0, 3, (5, 7)))
        np.testing.assert_array_equal(jacobian, jacobian.transpose(0, 2, 1))
        np.testing.assert_allclose(jacobian.sum(axis=2), 0, atol=4 * EPSILON)

    def test_derivative_is_the_diagonal(self):
        z = np.random.default_rng(1).normal(0, 3, (5, 7))
        diagonal = np.diagonal(self.row.jacobian(z), axis1=1, axis2=2)
        np.testing.assert_array_equal(self.row.derivative(z), diagonal)

    def test_a_common_shift_changes_nothing(self):
        z = np.array([[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(self.row.value(z + 1024), self.row.value(z))

    def test_logits_of_ten_thousand(self):
        z = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]])
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, jacobian = self.row.value(z), self.row.jacobian(z)
        np.testing.assert_allclose(value, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=EPSILON)
        assert np.isfinite(jacobian).all()


def test_some_activations_are_flat_somewhere():
    """ReLU's derivative is 0 on half the line, whatever the article says of its domain."""
    assert np.all(ACTIVATIONS["relu"].derivative(POINTS[POINTS < 0]) == 0)
    assert np.all(ACTIVATIONS["hard_sigmoid"].derivative(POINTS[np.abs(POINTS) > 3]) == 0)
