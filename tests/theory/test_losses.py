"""Each loss against its derivative, against its formula, and where numbers are extreme.

Every test is parametrised over the table, so that a new row is tested by being there.
"""

import decimal

import numpy as np
import pytest

from chainrule import ACTIVATIONS, LOSSES
from chainrule.theory.named import loss_named

ROWS = [row for row in LOSSES.values() if not row.parts]  # whose terms are each of one output
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
    "quantile": lambda a, y: np.where((y - a).real > 0, 0.5 * (y - a), 0.5 * (a - y)),
    "gamma": lambda a, y: np.log(a) - np.log(y) + y / a - 1,
    "binary_focal": lambda a, y: -y * (1 - a) ** 2 * np.log(a) - (1 - y) * a**2 * np.log(1 - a),
    "focal": lambda a, y: -y * (1 - a) ** 2 * np.log(a),
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
    if row.targets == "positive":
        return np.exp(z), np.exp(rng.normal(0, 1.0, (6, 3)))
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


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r.targets in ("real", "counts", "positive")], **BY_NAME
)
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
    def test_of_an_exponential_family_with_its_canonical_link_delta_is_a_minus_y(self, row):
        cross = row.name in ("poisson", "binary_cross_entropy", "cross_entropy")
        if cross and (fused := row.fused.get(row.output)):
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
    h, y = 1e-4, np.array([[0.5]])
    jumps: list[float] = []
    for a in (0.5, *((-0.5, 1.5) if row.outputs is None else ())):
        far, near, above, further = (
            row.derivative(y * 0 + a + k * h, y).item() for k in (-2, -1, 1, 2)
        )
        jumps += [abs(above - near), abs((further - above) - (near - far)) / h]
    assert row.smooth == bool(max(jumps) < 0.02)


class TestOptions:
    """Losses that are given numbers, after a colon or by name."""

    def test_huber_of_a_threshold(self):
        row, a = loss_named("huber:threshold=2.5"), np.array([[1.0, 2.0, 3.0, -4.0]])
        np.testing.assert_array_equal(row.value(a, 0.0), [[0.5, 2.0, 4.375, 6.875]])
        np.testing.assert_array_equal(row.derivative(a, 0.0), [[1.0, 2.0, 2.5, -2.5]])

    def test_quantiles_lie_beside_each_other(self):
        """Of two targets and three levels: first both targets at the first level."""
        row = loss_named("quantile:levels=0.1 0.5 0.9")
        a, y = np.zeros((1, 6)), np.array([[1.0, -1.0] * 3])
        np.testing.assert_allclose(row.value(a, y), [[0.1, 0.9, 0.5, 0.5, 0.9, 0.1]], rtol=1e-15)
        np.testing.assert_allclose(row.derivative(a, y), [[-0.1, 0.9, -0.5, 0.5, -0.9, 0.1]])
        np.testing.assert_array_equal(row.prepared(np.array([[1.0, -1.0]])), y)

    @pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
    def test_the_constant_of_the_least_pinball_loss_is_the_quantile(self, level):
        y = np.random.default_rng(0).exponential(size=(1001, 1))
        row = loss_named(f"quantile:levels={level}")
        losses = [row.value(np.full_like(y, a), y).sum() for a in np.sort(y.ravel())]
        best = np.sort(y.ravel())[int(np.argmin(losses))]
        assert best == pytest.approx(np.quantile(y, level), rel=0.01)  # of 1,001 points

    @pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0, 5.0])
    def test_focal_of_a_gamma(self, gamma):
        """Binary and of two classes are one loss; for γ near 0 it is the cross-entropy."""
        z = np.random.default_rng(1).normal(0, 3, (50, 1))
        y = (np.arange(50) % 2).reshape(-1, 1).astype(float)
        one = loss_named(f"binary_focal:gamma={gamma}").fused["sigmoid"]
        two = loss_named(f"focal:gamma={gamma}").fused["softmax"]
        both, rows = np.hstack([np.zeros_like(z), z]), np.hstack([1 - y, y])
        np.testing.assert_allclose(one.value(z, y), two.value(both, rows), rtol=1e-12)
        np.testing.assert_allclose(one.delta(z, y), two.delta(both, rows)[:, 1:], rtol=1e-11)

    def test_smoothed_targets(self):
        """Szegedy et al. 2016, section 7: (1 - s) y + s / k."""
        row = loss_named("cross_entropy:smoothing=0.2")
        np.testing.assert_allclose(row.prepared(np.eye(4)[[1]]), [[0.05, 0.85, 0.05, 0.05]])
        row = loss_named("binary_cross_entropy:smoothing=0.2")
        np.testing.assert_allclose(row.prepared(np.array([[0.0], [1.0]])), [[0.1], [0.9]])

    @pytest.mark.parametrize(("text", "message"), [
        ("huber:threshold=0", "threshold must be a number > 0, got 0"),
        ("huber:width=1", "unknown option of huber 'width'"),
        ("huber:threshold=wide", "threshold must be a number, got 'wide'"),
        ("squared_error:threshold=1", "unknown option of squared_error 'threshold'"),
        ("quantile:levels=0.5 0.1", "levels must increase from one to the next, got '0.5 0.1'"),
        ("quantile:levels=0.5 1", "levels must be between 0 and 1, got 1"),
        ("quantile:levels=", "levels must increase from one to the next, got ''"),
        ("focal:gamma=-1", "gamma must be a number > 0; of 0 it is the cross-entropy, got -1"),
        ("cross_entropy:smoothing=1", r"smoothing must be in \[0, 1\), got 1"),
        ("hubber", "unknown loss 'hubber': did you mean 'huber'"),
    ])  # fmt: skip
    def test_out_of_range(self, text, message):
        with pytest.raises(ValueError, match=message):
            loss_named(text)

    def test_a_name_is_one_for_the_same_loss(self):
        assert loss_named("huber:threshold=1.0") is LOSSES["huber"]
        names = {loss_named(f"quantile:levels={t}").name for t in (".1 .9", "0.10 0.9", "1e-1  .9")}
        assert names == {"quantile:levels=0.1 0.9"}
        assert LOSSES["huber"].with_options(threshold=2).name == "huber:threshold=2.0"


class TestGaussianNll:
    """A mean and the logarithm of a variance for each target."""

    def test_it_is_the_density_of_the_normal_distribution(self):
        rng = np.random.default_rng(0)
        a, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
        mean, sigma = a[:, :2], np.exp(a[:, 2:] / 2)
        density = np.exp(-0.5 * ((y[:, :2] - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        expected = -np.log(density) - 0.5 * np.log(2 * np.pi)
        terms = LOSSES["gaussian_nll"].value(a, y)
        np.testing.assert_allclose(terms[:, :2], expected, rtol=1e-13, atol=1e-15)
        assert not terms[:, 2:].any()

    def test_the_derivative_is_the_complex_step(self):
        rng = np.random.default_rng(1)
        a, y, row = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), LOSSES["gaussian_nll"]
        for k in range(4):
            step = a + 1e-30j * (np.arange(4) == k)
            mean, s = step[:, :2], step[:, 2:]
            loss = 0.5 * (s + (mean - y[:, :2]) ** 2 * np.exp(-s)).sum(axis=1)
            np.testing.assert_allclose(row.derivative(a, y)[:, k], loss.imag / 1e-30, rtol=1e-12)

    def test_targets_stand_beside_the_mean_and_the_variance(self):
        row = LOSSES["gaussian_nll"]
        np.testing.assert_array_equal(row.prepared(np.array([[1.0, 2.0]])), [[1, 2, 1, 2]])


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
