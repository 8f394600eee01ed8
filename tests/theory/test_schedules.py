"""Each schedule against its formula in plain floats, at its end points and in its course."""

import math

import numpy as np
import pytest

from chainrule import SCHEDULES, Constant, Cosine, Exponential, InverseScaling, OneCycle, Staircase

LAST = 60  # steps looked at; the schedules below are over before


def one_cycle(t, eta, steps, warmup, start_divisor, end_divisor):
    """Half a cosine from η/25 at 1 up to η at warmup·T, and one down to η/25/10⁴ at T."""
    low, end, top = eta / start_divisor, eta / start_divisor / end_divisor, warmup * steps
    if t < top:
        return low + (eta - low) * (1 - math.cos(math.pi * (t - 1) / (top - 1))) / 2
    done = (min(t, steps) - top) / (steps - top)
    return end + (eta - end) * (1 + math.cos(math.pi * done)) / 2


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
    "staircase": (
        Staircase(0.3, factor=0.5, every=7),
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
    peak = {"stays": 0, "falls": 0, "rises and falls": 9}[course]
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


@pytest.mark.parametrize("row", [Cosine, OneCycle])
class TestOpenEnd:
    """Without steps, a course lasts as long as the fit."""

    def test_over_a_fit_it_has_the_steps_of_the_fit(self, row):
        assert row(0.3).end is None
        assert row(0.3).over(40) == row(0.3, steps=40)
        assert row(0.3).over(40).end == 40

    def test_its_own_steps_stay(self, row):
        assert row(0.3, steps=7).over(40) == row(0.3, steps=7)

    def test_without_a_fit_it_has_no_rates(self, row):
        with pytest.raises(ValueError, match=f"{row.__name__} without steps lasts as long as"):
            row(0.3).rates(np.array([1]))

    def test_nothing_is_put_into_a_dictionary_for_it(self, row):
        assert row(0.3).to_dict()["steps"] is None


def test_schedules_that_go_on_for_ever_have_no_end():
    for row in (Constant, InverseScaling, Exponential, Staircase):
        assert row(0.3).over(40) == row(0.3)
        assert row(0.3).end is None


class TestEndPoints:
    """The first rate, the last, and the landmarks between."""

    def test_first_rates_are_the_learning_rate(self):
        for schedule in (Constant(0.3), InverseScaling(0.3), Exponential(0.3), Staircase(0.3)):
            assert rates(schedule, 1) == [0.3]
        assert rates(Cosine(0.3, steps=7), 1) == pytest.approx([0.3], rel=1e-15)

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
        assert rates(schedule, 1, 30, 100, 10**9) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("printed", [
        [0.012, 0.156, 0.3, 0.2851453896040421, 0.24352369618492894, 0.18337860658088678,
         0.11662259341911323, 0.05647750381507109, 0.014855810395957887, 1.2e-06],
        [0.012, 0.24352369618492892, 0.08491829946260977, 1.2e-06],
    ])  # fmt: skip
    def test_one_cycle_of_pytorch(self, printed):
        """What OneCycleLR(max_lr=0.3, total_steps=10), and 4, of torch 2.13 give for each step."""
        schedule = OneCycle(0.3, steps=len(printed))
        assert rates(schedule, *range(1, len(printed) + 1)) == pytest.approx(printed, rel=1e-12)

    @pytest.mark.parametrize("expected", [[0.3], [0.3, 1.2e-6], [0.3, 0.1500006, 1.2e-6]])
    def test_one_cycle_without_time_to_rise_begins_at_its_top(self, expected):
        schedule = OneCycle(0.3, steps=len(expected))
        found = rates(schedule, *range(1, len(expected) + 1))
        assert found == pytest.approx(expected, rel=1e-12)

    def test_step_falls_after_every_steps(self):
        schedule = Staircase(1.0, factor=0.5, every=3)
        assert rates(schedule, *range(1, 8)) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
