"""The options of optimizers and schedules: kept through a dictionary, refused out of range."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest

from chainrule import (
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Exponential,
    InverseScaling,
    Network,
    OneCycle,
    RMSprop,
    Rprop,
    Staircase,
)
from chainrule.theory.optimizers import optimizer_from_dict

NAN, INFINITE = math.nan, math.inf

RATES = [-0.1, NAN, INFINITE]
SHARES = [-0.1, 1.0, NAN]  # [0, 1)
POSITIVE = [0.0, -1.0, NAN]
COUNTS = [0, -3, 2.5]

TOO_SMALL = [
    Adam(epsilon=1e-46),
    AdamW(epsilon=1e-60),
    RMSprop(epsilon=1e-46),
    Adagrad(epsilon=1e-46),
]


@pytest.mark.parametrize("optimizer", TOO_SMALL, ids=lambda optimizer: optimizer.name)
def test_an_epsilon_that_is_zero_in_the_dtype(optimizer):
    """Where g is 0, 0 / (0 + 0) would be nan."""
    X, y = [[1.0, 0.0]] * 3, [1.0] * 3  # the second weight's gradient is 0
    with pytest.raises(ValueError, match=r"epsilon must be > 0 in float32 \(at least 1.4e-45\)"):
        Network([2, 1]).fit(X, y, optimizer=optimizer)
    net = Network([2, 1], dtype="float64")
    net.fit(X, y, optimizer=optimizer, epochs=3)
    assert np.isfinite(net.w).all()
    least = Adam(epsilon=1.5e-45)
    assert np.isfinite(Network([2, 1]).fit(X, y, optimizer=least).losses).all()


# Values out of range for every option that is a number.
SHARED = {
    "learning_rate": RATES,
    "clip_norm": POSITIVE,
    "max_norm": POSITIVE,
    "weight_decay": [-0.1, NAN, INFINITE],
    "averaging": SHARES,
}
REFUSED = {
    SGD: {**SHARED, "momentum": SHARES, "nesterov": [True]},
    Adagrad: {**SHARED, "epsilon": [*POSITIVE, INFINITE]},
    RMSprop: {**SHARED, "decay": SHARES, "epsilon": POSITIVE},
    Adam: {
        **SHARED,
        "beta1": SHARES,
        "beta2": SHARES,
        "epsilon": POSITIVE,
    },
    AdamW: {
        **SHARED,
        "beta1": SHARES,
        "beta2": SHARES,
        "epsilon": POSITIVE,
    },
    Rprop: {
        **SHARED,
        "increase": [0.9, NAN],
        "decrease": SHARES,
        "smallest": [0.0, 51.0, NAN],
        "largest": [1e-7, NAN],
    },
    SCHEDULES["constant"]: {"learning_rate": RATES},
    InverseScaling: {
        "learning_rate": RATES,
        "power": [NAN, INFINITE, -1.0],
        "every": COUNTS,
        "unit": POSITIVE,
    },
    Exponential: {"learning_rate": RATES, "decay": [0.0, 1.1, NAN], "steps": COUNTS},
    Cosine: {"learning_rate": RATES, "steps": COUNTS, "minimum": [-0.1, 0.6, NAN]},
    OneCycle: {
        "learning_rate": RATES,
        "steps": COUNTS,
        "warmup": [0.0, 1.0, NAN],
        "start_divisor": [0.9, NAN],
        "end_divisor": [0.9, NAN],
    },
    Staircase: {"learning_rate": RATES, "factor": [0.0, 1.1, NAN], "every": COUNTS},
}

BAD_VALUES = [
    pytest.param(
        row, option, value, id=f"{row.name}-{option}-{value}",
    )
    for row, options in REFUSED.items()
    for option, values in options.items()
    for value in values
]  # fmt: skip

GOOD = [
    *(row() for row in OPTIMIZERS.values()),
    SGD(0.5, momentum=0.9, nesterov=True, clip_norm=2.5),
    Adagrad(0.5, epsilon=0.1),
    RMSprop(0.5, decay=0.1, epsilon=0.1),
    AdamW(0.5, beta1=0.1, beta2=0.2, epsilon=0.3, weight_decay=0.4, clip_norm=1e-3),
    Rprop(0.5, increase=1.1, decrease=0.9, smallest=0.1, largest=0.2),
    SGD(0.5, max_norm=2.0, weight_decay=0.1, averaging=0.99),
]


@pytest.mark.parametrize("row", [*OPTIMIZERS.values(), *SCHEDULES.values()], ids=lambda r: r.name)
def test_every_option_is_tried_out_of_range(row):
    assert set(REFUSED.get(row, {})) == {field.name for field in fields(row)}


@pytest.mark.parametrize(("row", "option", "value"), BAD_VALUES)
def test_option_out_of_range_is_named_with_its_value(row, option, value):
    options = {"learning_rate": 0.5, option: value}
    with pytest.raises(ValueError, match=option) as caught:
        row(**options)
    assert repr(value) in str(caught.value) or option == "nesterov", caught.value
    assert "\n" not in str(caught.value)


def test_a_number_of_steps_is_a_whole_one_from_1():
    with pytest.raises(ValueError, match=r"^steps must be a whole number >= 1, got 0$"):
        Cosine(0.1, steps=0)


def test_rprop_refuses_a_schedule():
    with pytest.raises(ValueError, match="learning_rate must be a number, not a schedule"):
        Rprop(Cosine(0.1))


@pytest.mark.parametrize(
    ("row", "option"), [(SGD, "learning_rate"), (SGD, "momentum"), (Adam, "epsilon")]
)
def test_option_that_is_no_number_is_named(row, option):
    with pytest.raises((TypeError, ValueError), match=option):
        row(**{option: "0.1"})


@pytest.mark.parametrize("optimizer", GOOD, ids=repr)
def test_dictionary_makes_the_optimizer_again(optimizer):
    text = json.dumps(optimizer.to_dict())
    assert optimizer_from_dict(json.loads(text)) == optimizer
    assert type(optimizer_from_dict(json.loads(text))) is type(optimizer)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda row: row.name)
def test_dictionary_keeps_the_schedule(schedule):
    optimizer = Adam(schedule(0.25), beta1=0.5, clip_norm=3.0)
    again = optimizer_from_dict(json.loads(json.dumps(optimizer.to_dict())))
    assert again == optimizer
    assert again.learning_rate == schedule(0.25)


@pytest.mark.parametrize(("description", "message"), [
    ({"name": "adm"}, "unknown optimizer 'adm': did you mean 'adam'"),
    ({}, "unknown optimizer None"),
    ({"name": "adam", "beta3": 1}, "unknown field of adam 'beta3': did you mean 'beta"),
    ({"name": "adam", "beta1": 2.0}, r"beta1 must be in \[0, 1\), got 2.0"),
    ({"name": "sgd", "learning_rate": {"name": "cosin"}}, "unknown schedule 'cosin'.*'cosine'"),
    ({"name": "sgd", "learning_rate": {"name": "staircase", "evry": 3}},
     "unknown field of staircase 'evry'"),
])  # fmt: skip
def test_dictionary_with_a_mistake_is_refused(description, message):
    with pytest.raises(ValueError, match=message):
        optimizer_from_dict(description)


@pytest.mark.parametrize("row", OPTIMIZERS.values(), ids=lambda row: row.name)
def test_state_has_one_vector_a_slot(row):
    optimizer = row()
    assert len(set(optimizer.slots)) == len(optimizer.slots)
    assert len(optimizer.constants()) == len(fields(row)) - len(SHARED)


def test_momentum_alone_makes_sgd_keep_a_velocity():
    assert SGD().slots == ()
    assert SGD(momentum=0.5).slots == ("velocity",)


# The ends of every range that has one, which are allowed.
LIMITS = [
    SGD(0.0, momentum=0.0),
    SGD(0.5, momentum=math.nextafter(1, 0), clip_norm=5e-324),
    Adagrad(0.0, epsilon=5e-324),
    RMSprop(0.0, decay=0.0, epsilon=5e-324),
    RMSprop(decay=math.nextafter(1, 0)),
    Adam(0.0, beta1=0.0, beta2=0.0, epsilon=5e-324),
    AdamW(weight_decay=0.0),
    Rprop(0.0, increase=1.0, decrease=0.0),
    Rprop(smallest=5e-324, largest=5e-324),
    SCHEDULES["constant"](0.0),
    InverseScaling(0.0, power=0.0),
    Exponential(0.0, decay=1.0, steps=1),
    Exponential(0.5, decay=5e-324),
    Cosine(0.5, steps=1, minimum=0.0),
    Cosine(0.5, steps=3, minimum=0.5),
    OneCycle(0.5, steps=1, start_divisor=1.0, end_divisor=1.0),
    Staircase(0.5, factor=1.0, every=1),
]


@pytest.mark.parametrize("row", LIMITS, ids=repr)
def test_the_limit_itself_is_allowed(row):
    rate = row.learning_rate if isinstance(row, (SGD, Adam, RMSprop, Adagrad, Rprop)) else row
    values = row.rates(np.arange(1, 4))
    assert np.isfinite(values).all()
    assert rate is not None


def test_optimizers_at_their_limits_take_finite_steps():
    """No 0 / 0 and no log of 0 where an option ends: a step of each, from a gradient and from 0."""
    for optimizer in LIMITS[:9]:
        for g in (np.array([0.5, -2.0]), np.zeros(2)):
            theta = np.ones(2)
            state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
            with np.errstate(all="raise", under="ignore"):
                for t in (1, 2):
                    optimizer.update(theta, optimizer.clipped(g), state, 0.1, t)
            assert np.isfinite(theta).all(), optimizer


# -- clipping -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1.5e154, 1e300])
def test_clipping_neither_overflows_nor_vanishes(size):
    """‖g‖ of (3, 4) is 5, in any unit: its square would leave float64 from 1.3e154 on."""
    g, norm = size * np.array([3.0, 4.0]), size * 5.0
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_array_equal(SGD(clip_norm=norm * 1.01).clipped(g), g)
        found = SGD(clip_norm=norm / 2).clipped(g)
    # subnormal numbers have few digits
    np.testing.assert_allclose(found, g / 2, rtol=max(8e-16, 5e-324 / size))


def test_clipping_lets_nan_and_infinity_be_seen():
    for bad in (np.nan, np.inf):
        with np.errstate(invalid="ignore"):
            assert np.isnan(SGD(clip_norm=1.0).clipped(np.array([1.0, bad]))).any()


# -- rows alone -----------------------------------------------------------------------------


def test_a_class_of_ones_own_is_refused():
    """The compiled engine and files would take it for its parent."""

    class Mine(Adam):
        pass

    class Falling(Cosine):
        pass

    with pytest.raises(ValueError, match=r"^an optimizer must be one of chainrule's own .*a Mine$"):
        Mine()
    with pytest.raises(ValueError, match=r"^learning_rate must be a schedule of .*a Falling$"):
        SGD(Falling(0.1))


def test_an_optimizer_over_a_fit_keeps_all_but_the_open_end():
    optimizer = Adam(Cosine(0.1), beta1=0.5, clip_norm=2.0)
    assert optimizer.over(40) == Adam(Cosine(0.1, steps=40), beta1=0.5, clip_norm=2.0)
    assert SGD(0.1).over(40) == SGD(0.1)
    assert optimizer.over(40).rates(np.array([1]))[0] == 0.1


def test_departures_name_what_others_do():
    """torch: momentum under a changing rate, 1e-6 in clipping; scikit-learn: what it counts."""
    assert all(
        "PyTorch divides by the norm + 1e-6" in row.departures for row in OPTIMIZERS.values()
    )
    assert "PyTorch multiplies it afterwards" in SGD.departures
    assert "scikit-learn changes η once an epoch and counts samples" in InverseScaling.departures


@pytest.mark.parametrize("optimizer", GOOD, ids=repr)
def test_the_representation_makes_it_again(optimizer):
    names = {row.__name__: row for row in (*OPTIMIZERS.values(), *SCHEDULES.values())}
    assert eval(repr(optimizer), names) == optimizer


def test_the_representation_is_short():
    assert repr(Adam()) == "Adam(learning_rate=0.001)"
    assert repr(AdamW(0.1, weight_decay=0.0)) == "AdamW(learning_rate=0.1, weight_decay=0.0)"
