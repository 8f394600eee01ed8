"""Each schedule against its formula in plain floats, at its end points and in its course."""

import math

import numpy as np
import pytest

from chainrule import SCHEDULES, Constant, Cosine, Exponential, InverseScaling, OneCycle, Step

LAST = 60  # steps looked at; the schedules below are over before


def one_cycle(t, eta, steps, warmup, start_divisor, end_divisor):
    """Half a cosine from η/25 up to η, half a cosine down to η/25/10⁴ (Smith, Topin 2018)."""
    progress = min(t - 1, steps) / steps
    low, end = eta / start_divisor, eta / start_divisor / end_divisor
    if progress < warmup:
        return low + (eta - low) * (1 - math.cos(math.pi * progress / warmup)) / 2
    return end + (eta - end) * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


# A schedule, its formula in plain floats, and what each step does to the rate.
CASES = {
    "constant": (Constant(0.3), lambda t: 0.3, "stays"),  # noqa: ARG005
    "inverse_scaling": (InverseScaling(0.3, power=0.7), lambda t: 0.3 / t**0.7, "falls"),
    "exponential": (
        Exponential(0.3, decay=0.8, steps=5),
        lambda t: 0.3 * math.exp(math.log(0.8) * (t - 1) / 5),
        "falls",
    ),
    "cosine": (
        Cosine(0.3, steps=40, minimum=0.02),
        lambda t: 0.02 + 0.28 * (1 + math.cos(math.pi * min(t - 1, 40) / 40)) / 2,
        "falls",
    ),
    "one_cycle": (
        OneCycle(0.3, steps=40, warmup=0.25, start_divisor=10, end_divisor=100),
        lambda t: one_cycle(t, 0.3, 40, 0.25, 10, 100),
        "rises and falls",
    ),
    "step": (
        Step(0.3, factor=0.5, every=7),
        lambda t: 0.3 * 0.5 ** math.floor((t - 1) / 7),
        "falls",
    ),
}


def rates(schedule, *steps):
    return schedule.rates(np.array(steps, dtype=np.int64)).tolist()


@pytest.fixture(params=SCHEDULES)
def case(request):
    assert request.param in CASES, f"restate the formula of {request.param} in CASES"
    return CASES[request.param]


def test_rates_are_the_formula(case):
    schedule, formula, _ = case
    expected = [formula(t) for t in range(1, LAST + 1)]
    # Rounding of a cosine and a power: a few ulps of η.
    np.testing.assert_allclose(rates(schedule, *range(1, LAST + 1)), expected, rtol=1e-12)


def test_rates_are_positive_floats(case):
    values = case[0].rates(np.arange(1, LAST + 1))
    assert (values.dtype, values.shape) == (np.float64, (LAST,))
    assert np.all(values > 0)


def test_course(case):
    schedule, _, course = case
    changes = np.diff(rates(schedule, *range(1, LAST + 1)))
    peak = {"stays": 0, "falls": 0, "rises and falls": 10}[course]
    assert np.all(changes[:peak] > 0)
    assert np.all(changes[peak:] <= 0)
    assert course == "stays" or changes.min() < 0


def test_a_step_has_its_rate_however_the_run_is_cut(case):
    whole = rates(case[0], *range(1, 11))
    assert rates(case[0], *range(1, 5)) + rates(case[0], *range(5, 11)) == whole
    assert rates(case[0]) == []


def test_to_dict_makes_the_schedule_again(case):
    description = case[0].to_dict()
    assert SCHEDULES[description.pop("name")](**description) == case[0]


class TestEndPoints:
    """The first rate, the last, and the landmarks between."""

    def test_first_rates_are_the_learning_rate(self):
        for schedule in (Constant(0.3), InverseScaling(0.3), Exponential(0.3), Step(0.3)):
            assert rates(schedule, 1) == [0.3]
        assert rates(Cosine(0.3), 1) == pytest.approx([0.3], rel=1e-15)

    def test_inverse_scaling_halves_after_four_steps(self):
        assert rates(InverseScaling(0.3), 4) == pytest.approx([0.15], rel=1e-15)

    def test_exponential_falls_by_decay_every_steps(self):
        schedule = Exponential(0.5, decay=0.9, steps=100)
        assert rates(schedule, 101, 201) == pytest.approx([0.45, 0.405], rel=1e-14)

    def test_cosine_is_half_way_at_half_time_and_stays_at_the_minimum(self):
        schedule = Cosine(1.0, steps=100, minimum=0.2)
        expected = [0.6, 0.2, 0.2, 0.2]
        assert rates(schedule, 51, 101, 102, 10**9) == pytest.approx(expected, rel=1e-14)

    def test_one_cycle_starts_peaks_and_ends(self):
        schedule = OneCycle(1.0, steps=100)  # warmup 0.3, divisors 25 and 10⁴
        expected = [1 / 25, 1.0, 1 / 25 / 1e4, 1 / 25 / 1e4]
        assert rates(schedule, 1, 31, 101, 10**9) == pytest.approx(expected, rel=1e-12)

    def test_step_falls_after_every_steps(self):
        schedule = Step(1.0, factor=0.5, every=3)
        assert rates(schedule, *range(1, 8)) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
