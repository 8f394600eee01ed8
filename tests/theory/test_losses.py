"""Each loss against its derivative, against its formula, and where numbers are extreme.

Every test is parametrised over the table, so that a new row is tested by being there.
"""

import decimal

import numpy as np
import pytest

from chainrule import ACTIVATIONS, LOSSES

ROWS = list(LOSSES.values())
FUSED = [pytest.param(row, name, id=f"{row.name}-{name}") for row in ROWS for name in row.fused]
BY_NAME = {"ids": lambda row: row.name}

EPSILON = np.finfo(np.float64).eps

# The formulas again, as a textbook prints them: for real and for complex a.
RESTATED = {
    "squared_error": lambda a, y: (a - y) * (a - y) / 2,
    "absolute_error": lambda a, y: np.where((a - y).real < 0, y - a, a - y),
    "huber": lambda a, y: np.where(
        np.abs((a - y).real) <= 1,
        (a - y) ** 2 / 2,
        np.where((a - y).real < 0, y - a, a - y) - 0.5,
    ),
    "log_cosh": lambda a, y: np.log(np.cosh(a - y)),
    "poisson": lambda a, y: a - y * np.log(a) + np.where(y > 0, y * np.log(y + (y == 0)), 0) - y,
    "binary_cross_entropy": lambda a, y: -y * np.log(a) - (1 - y) * np.log(1 - a),
    "cross_entropy": lambda a, y: -y * np.log(a),
}


def outputs_and_targets(row):
    """Outputs and targets that the loss is defined for, |a − y| far from the kinks 0 and 1."""
    rng = np.random.default_rng(7)
    z = rng.normal(0, 1.5, (6, 3))
    if row.targets == "real":
        return z, z - rng.choice([-1, 1], (6, 3)) * rng.choice([0.2, 0.7, 1.4, 3.0], (6, 3))
    if row.targets == "counts":
        return np.exp(z), rng.integers(0, 6, (6, 3)).astype(float)
    if row.targets == "binary":
        return 1 / (1 + np.exp(-z)), rng.choice([0.0, 1.0, 0.25], (6, 3))
    targets = np.eye(3)[[0, 1, 2, 2, 1, 0]]
    targets[3:] = 0.8 * targets[3:] + 0.2 / 3  # soft labels
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), targets


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_value_is_the_formula(row):
    assert row.name in RESTATED, f"restate the formula of {row.name} in RESTATED"
    a, y = outputs_and_targets(row)
    # Terms of one size are subtracted in both: rounding is relative to 1, not to the result.
    np.testing.assert_allclose(row.value(a, y), RESTATED[row.name](a, y), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_derivative_is_the_central_difference(row):
    a, y = outputs_and_targets(row)
    h = np.cbrt(EPSILON) * np.minimum(np.abs(a), 1)
    numeric = (row.value(a + h, y) - row.value(a - h, y)) / (2 * h)
    # Truncation (h/a)² and rounding ε ℓ / h are below 1e-9 of the larger of ℓ/a and ℓ′.
    size = np.maximum(np.abs(row.derivative(a, y)), np.abs(row.value(a, y) / a))
    np.testing.assert_array_less(np.abs(row.derivative(a, y) - numeric) / (1 + size), 1e-8)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_derivative_is_the_complex_step(row):
    """Of the formula restated here: nothing but rounding is left, 1e-12."""
    a, y = outputs_and_targets(row)
    h = 1e-30
    exact = RESTATED[row.name](a + 1j * h, y).imag / h
    np.testing.assert_allclose(row.derivative(a, y), exact, rtol=1e-12, atol=0)


@pytest.mark.parametrize("row", [r for r in ROWS if r.targets in ("real", "counts")], **BY_NAME)
def test_loss_and_derivative_are_0_at_the_target(row):
    """The minimum; absolute_error's derivative there is the documented 0."""
    y = np.array([[0.5, 3.0, 7.0]])
    np.testing.assert_allclose(row.value(y, y), 0, atol=8 * EPSILON)
    np.testing.assert_array_equal(row.derivative(y, y), 0)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_loss_is_not_negative(row):
    a, y = outputs_and_targets(row)
    assert np.all(row.value(a, y).sum(axis=1) >= 0)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_inputs_are_not_modified(row):
    a, y = outputs_and_targets(row)
    kept = a.copy(), y.copy()
    assert row.value(a, y).shape == row.derivative(a, y).shape == a.shape
    np.testing.assert_array_equal((a, y), kept)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_activation_names_exist(row):
    assert row.output in ACTIVATIONS
    assert row.outputs is None or set(row.outputs) <= set(ACTIVATIONS)
    assert row.outputs is None or row.output in row.outputs


class TestFused:
    """A loss taken from z directly, together with its output activation."""

    @pytest.mark.parametrize(("row", "output"), FUSED)
    def test_equals_the_plain_form_of_the_activation(self, row, output):
        _, y = outputs_and_targets(row)
        z = np.random.default_rng(3).normal(0, 2, y.shape)
        plain = row.value(ACTIVATIONS[output].value(z), y).sum(axis=1)
        # At |z| ≤ 6, 1 − a has lost up to three digits in the plain form.
        np.testing.assert_allclose(row.fused[output].value(z, y), plain, rtol=1e-12)

    @pytest.mark.parametrize(("row", "output"), FUSED)
    def test_delta_is_the_chain_rule(self, row, output):
        _, y = outputs_and_targets(row)
        z = np.random.default_rng(4).normal(0, 2, y.shape)
        activation = ACTIVATIONS[output]
        delta = activation.pullback(z, row.derivative(activation.value(z), y))
        np.testing.assert_allclose(row.fused[output].delta(z, y), delta, rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize(("row", "output"), FUSED)
    def test_delta_is_the_central_difference(self, row, output):
        _, y = outputs_and_targets(row)
        z, value = np.random.default_rng(5).normal(0, 1, y.shape), row.fused[output].value
        h, numeric = np.cbrt(EPSILON), np.empty_like(z)
        for k, unit in enumerate(np.eye(z.shape[1])):
            numeric[:, k] = (value(z + h * unit, y) - value(z - h * unit, y)) / (2 * h)
        np.testing.assert_allclose(row.fused[output].delta(z, y), numeric, rtol=1e-8, atol=1e-9)

    @pytest.mark.parametrize("row", ROWS, **BY_NAME)
    def test_with_the_activation_that_it_is_made_for_delta_is_a_minus_y(self, row):
        if fused := row.fused.get(row.output):
            _, y = outputs_and_targets(row)
            z = np.random.default_rng(6).normal(0, 2, y.shape)
            np.testing.assert_array_equal(fused.delta(z, y), ACTIVATIONS[row.output].value(z) - y)
        assert set(row.fused) <= set(row.outputs or ())


class TestExtremes:
    """Logits and errors of ±1e4: exact values, no overflow, no invalid number."""

    @pytest.fixture(autouse=True)
    def _strict(self):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            yield

    @pytest.mark.parametrize(("z", "y", "loss"), [
        (1e4, 1.0, 0.0), (1e4, 0.0, 1e4), (-1e4, 1.0, 1e4), (-1e4, 0.0, 0.0), (1e4, 0.25, 7500.0),
    ])  # fmt: skip
    def test_binary_cross_entropy(self, z, y, loss):
        row = LOSSES["binary_cross_entropy"]
        fused = row.fused["sigmoid"]
        assert fused.value(np.array([[z]]), np.array([[y]])) == pytest.approx([loss], rel=1e-15)

    @pytest.mark.parametrize(("z", "y", "loss", "delta"), [
        (np.inf, 1.0, 0.0, 0.0), (-np.inf, 0.0, 0.0, 0.0),
        (np.inf, 0.0, np.inf, 1.0), (-np.inf, 1.0, np.inf, -1.0), (np.inf, 0.5, np.inf, 0.5),
    ])  # fmt: skip
    def test_binary_cross_entropy_of_certainty(self, z, y, loss, delta):
        """Certain and right costs nothing, certain and wrong everything; neither is nan."""
        fused = LOSSES["binary_cross_entropy"].fused["sigmoid"]
        z, y = np.array([[z]]), np.array([[y]])
        assert (fused.value(z, y).item(), fused.delta(z, y).item()) == (loss, delta)

    @pytest.mark.parametrize(("label", "loss"), [(0, 0.0), (1, 2e4), (2, 1e4)])
    def test_cross_entropy(self, label, loss):
        z, y = np.array([[1e4, -1e4, 0.0]]), np.eye(3)[[label]]
        fused = LOSSES["cross_entropy"].fused["softmax"]
        assert fused.value(z, y) == pytest.approx([loss], rel=1e-15)

    def test_cross_entropy_of_equal_logits_is_ln_k(self):
        z = np.array([[1e4] * 4, [-1e4] * 4])
        loss = LOSSES["cross_entropy"].fused["softmax"].value(z, np.eye(4)[[0, 3]])
        np.testing.assert_allclose(loss, 1.3862943611198906, rtol=1e-12)  # of 1e4: one ulp

    @pytest.mark.parametrize("name", ["binary_cross_entropy", "cross_entropy"])
    def test_fused_delta(self, name):
        """a − y at saturated outputs: 0 where right, ±1 where wrong."""
        z = np.array([[1e4, -1e4], [-1e4, 1e4]])
        delta = LOSSES[name].fused[LOSSES[name].output].delta(z, np.array([[1, 0], [1, 0]]))
        np.testing.assert_array_equal(delta, [[0, 0], [-1, 1]])

    @pytest.mark.parametrize("output", ["exponential", "softplus"])
    def test_poisson_of_a_tiny_mean(self, output):
        """Below 0, ln ln(1 + exp z) is z, even where exp z rounds to 0."""
        z, y = np.full((2, 1), -1e4), np.array([[0.0], [2.0]])
        fused, expected = LOSSES["poisson"].fused[output], [0.0, 2e4 + 2 * np.log(2) - 2]
        np.testing.assert_allclose(fused.value(z, y), expected, rtol=1e-15)
        np.testing.assert_array_equal(fused.delta(z, y), [[0.0], [-2.0]])

    def test_poisson_of_no_mean(self):
        """z = −∞: nothing is expected, so no count costs nothing, and a count everything."""
        z, y = np.full((2, 1), -np.inf), np.array([[0.0], [2.0]])
        for fused in LOSSES["poisson"].fused.values():
            np.testing.assert_array_equal(fused.value(z, y), [0, np.inf])
            np.testing.assert_array_equal(fused.delta(z, y), [[0], [-2]])

    @pytest.mark.parametrize("z", [-700.0, -90.0, -40.0, -20.0, -1.0, -1e-9, 0.0, 1e-9, 3.0, 800.0])
    def test_poisson_of_softplus_in_a_hundred_digits(self, z):
        """ℓ = a − y ln a + y ln y − y and δ = (1 − y/a) σ(z), from decimals of 400 digits."""
        with decimal.localcontext() as context:
            context.prec = 400
            e, y = decimal.Decimal(z).exp(), decimal.Decimal(3)
            a = (1 + e).ln()
            loss, delta = a - y * a.ln() + y * y.ln() - y, (1 - y / a) * e / (1 + e)
        fused, z, y = LOSSES["poisson"].fused["softplus"], np.array([[z]]), np.array([[3.0]])
        # rounding is relative to the terms, which are up to y |z| for ℓ and y for δ
        size = 3 * max(1, abs(z.item()))
        np.testing.assert_allclose(fused.value(z, y), float(loss), rtol=0, atol=4 * EPSILON * size)
        np.testing.assert_allclose(fused.delta(z, y), float(delta), rtol=0, atol=16 * EPSILON)

    def test_log_cosh(self):
        row, e = LOSSES["log_cosh"], np.array([[1e4, -1e4]])
        np.testing.assert_allclose(row.value(e, 0.0), 1e4 - 0.6931471805599453, rtol=1e-15)
        np.testing.assert_array_equal(row.derivative(e, 0.0), [[1, -1]])

    @pytest.mark.parametrize(("name", "loss"), [
        ("squared_error", 5e7), ("absolute_error", 1e4), ("huber", 9999.5),
    ])  # fmt: skip
    def test_errors_of_ten_thousand(self, name, loss):
        row, a = LOSSES[name], np.array([[1e4, -1e4]])
        np.testing.assert_array_equal(row.value(a, np.zeros((1, 2))), [[loss, loss]])


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_smooth_is_said_of_those_without_a_kink(row):
    """Where |a - y| is 0 or 1 the derivative of a loss jumps, or the one after it."""
    h, y = 1e-4, np.array([0.5])
    jumps = []
    for a in (0.5, *((-0.5, 1.5) if row.outputs is None else ())):
        far, near, above, further = (row.derivative(a + k * h, y) for k in (-2, -1, 1, 2))
        jumps += [*np.abs(above - near), *(np.abs((further - above) - (near - far)) / h)]
    assert row.smooth == bool(max(jumps) < 0.02)


def test_huber_is_continuous_where_its_pieces_meet():
    huber = LOSSES["huber"]
    e = np.array([[-1.0, 1.0]])
    np.testing.assert_array_equal(huber.value(e, 0.0), 0.5)
    np.testing.assert_allclose(huber.value(np.nextafter(e, 2 * e), 0.0), 0.5, rtol=4 * EPSILON)
    np.testing.assert_array_equal(huber.derivative(e, 0.0), e)


def test_cross_entropy_of_an_impossible_class_is_left_out():
    """0 ln 0 is 0: outputs of 0 cost nothing where the target is 0."""
    value = LOSSES["cross_entropy"].value(np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]))
    np.testing.assert_array_equal(value, 0)


@pytest.mark.parametrize("e", [1e-3, -1e-5, 1e-8])
def test_log_cosh_of_a_small_error_is_half_its_square(e):
    """Fitting well must not lose the loss: ln cosh e = e²/2 − e⁴/12 + e⁶/45 − …"""
    actual = LOSSES["log_cosh"].value(np.array([[e]]), 0.0)
    np.testing.assert_allclose(actual, e * e / 2 - e**4 / 12 + e**6 / 45, rtol=1e-12)


def test_poisson_of_no_count_where_the_mean_rounds_to_0():
    row, a, y = LOSSES["poisson"], np.zeros((1, 1)), np.zeros((1, 1))
    with np.errstate(all="ignore"):
        assert (row.value(a, y).item(), row.derivative(a, y).item()) == (0.0, 1.0)
