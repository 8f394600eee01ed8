"""What an explanation shows, how it is asked for, and what is said where that is wrong."""

import re
import subprocess
import sys
from html import escape

import numpy as np
import pytest
from drawn_steps import drawn, explanations

import chainrule as cr
from chainrule.explain.expressions import Omitted, Value, evaluated
from chainrule.explain.quantities import Quantity

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)), RNG.integers(0, 3, 40)


@pytest.fixture(scope="module")
def run():
    net = cr.Network([6, 12, 3], activation="relu", loss="cross_entropy", seed=0)
    return net.fit(X, Y, epochs=5, batch_size=8, optimizer=cr.Adam(0.01))


@pytest.fixture(scope="module")
def trace(run):
    return run.at(13)


def values(tree):
    if isinstance(tree, Value):
        yield tree
    for part in tree.parts():
        yield from values(part)


@pytest.mark.parametrize("seed", range(30, 42))
def test_every_number_is_the_traces_and_knows_its_line(seed):
    """A substituted number is that of the quantity it names, and the line's result as well."""
    trace = drawn(seed)
    for explanation in explanations(trace):
        for line in explanation.lines:
            if line.quantity is None:
                continue
            for one in values(line.sides[-1]):
                assert one.quantity == line.quantity
            for side in line.sides[1:]:
                for one in values(side):
                    if one.quantity.kind in ("weights", "activations", "deltas", "pre_activations"):
                        array = getattr(trace, one.quantity.kind)[one.quantity.layer]
                        assert one.value == array[one.quantity.at]


def test_what_is_left_out_is_counted_and_adds_up():
    net = cr.Network([6, 50, 3], activation="tanh", loss="cross_entropy")
    trace = net.fit(X, Y, epochs=1, batch_size=8).at(2)
    short = cr.explain(trace, layer=1, weight=(0, 3)).lines
    full = cr.explain(trace, layer=1, weight=(0, 3), full=True).lines
    for one, other in zip(short, full, strict=True):
        if len(one.sides) > 3:
            assert evaluated(one.sides[-2], None) == pytest.approx(evaluated(other.sides[-2], None))
    dots = [part for line in short for side in line.sides for part in walk(side)]
    assert any(isinstance(part, Omitted) for part in dots)


def walk(tree):
    yield tree
    for part in tree.parts():
        yield from walk(part)


def test_the_terms_that_matter_are_kept(trace):
    """Of a long sum the largest terms are shown, in their order."""
    line = next(one for one in cr.explain(trace, layer=1, unit=0).lines)
    products = [part for part in walk(line.sides[-2]) if len([*values(part)]) == 2]
    shown = {abs(evaluated(part, None)) for part in products}
    W, a = trace.weights[1][:, 0].astype(float), trace.activations[1][0].astype(float)
    sizes = sorted(np.abs(W * a), reverse=True)
    for size in sizes[:6]:
        assert any(size == pytest.approx(other, rel=1e-12) for other in shown)


def test_the_network(trace):
    text = str(cr.explain(trace))
    assert "Layer by layer" in text
    dead = int((trace.pre_activations[0] <= 0).all(axis=0).sum())
    row = re.search(r"^  0 relu +12 .*$", text, re.MULTILINE)[0].split()
    assert (str(dead) in row[7:]) == (dead > 0)
    norm = np.linalg.norm(trace.weight_gradients[1].astype(float))
    assert f"{norm:.4g}" in re.search(r"^  1 softmax +3 .*$", text, re.MULTILINE)[0]
    assert "with the largest changes" in text


def test_saturated_and_dead_units_are_told():
    net = cr.Network([2, 3, 1], activation="sigmoid", dtype="float64", seed=0)
    net.weights[0][:] = 0
    net.biases[0][:] = [40.0, 0.0, -9.0]
    text = str(cr.explain(net.trace([[1.0, 1.0]], [1.0])))
    row = re.search(r"^  0 sigmoid +3 .*$", text, re.MULTILINE)[0].split()
    assert row[-2:] == ["1", "1"]  # at 40 the slope rounds to 0, at -9 it is below 1 % of the most


def test_a_trace_without_an_update():
    net = cr.Network([2, 1], dtype="float64", seed=0)
    text = str(cr.explain(net.trace([[1.0, 2.0]], [1.0]), row=0))
    assert "∂L/∂w⁰" in text
    assert "Update" not in text


def test_in_a_callback():
    seen = []
    net = cr.Network([6, 3], loss="cross_entropy")
    net.fit(X, Y, epochs=2, callbacks=[lambda run: seen.append(cr.explain(run.trace(), layer=0))])
    assert len(seen) == 2


def test_the_reference_and_the_difference(trace):
    lines = list(cr.explain(trace, layer=1, unit=1, reference=True).lines)
    z = next(line for line in lines if line.quantity == Quantity("pre_activations", 1, (0, 1)))
    W, b, a = trace.weights[1], trace.biases[1], trace.activations[0]
    hidden = np.maximum(a.astype(float) @ trace.weights[0].astype(float) + trace.biases[0], 0)
    expected = hidden[0] @ W[:, 1].astype(float) + b[1]
    assert z.beside == pytest.approx(expected, rel=1e-14)
    unit = np.spacing(np.float32(abs(expected)))
    assert z.ulps == pytest.approx((trace.pre_activations[1][0, 1] - expected) / unit, rel=1e-6)
    assert all(abs(line.ulps) < 200 for line in lines if line.ulps is not None)
    assert "ulp]" in str(cr.explain(trace, layer=1, unit=1, reference=True))


def test_it_is_spoken_and_shown_in_a_notebook(trace):
    explanation = cr.explain(trace, layer=1, unit=0)
    spoken = explanation.spoken()
    assert spoken[0].startswith("z 0 of 1 equals the sum over k of w k 0 of 1 times a k of 0 plus")
    assert any(" becomes " in one for one in spoken)
    html = explanation.to_mathml()
    assert html.count("<math") == html.count('role="math"') == len(spoken)
    assert not re.search(r"(?i)<script|http", html)
    assert escape(explanation.to_html()) in explanation._repr_html_()


def test_digits_are_shown_and_not_carried(trace):
    few, many = (cr.explain(trace, layer=1, unit=0, digits=d) for d in (2, 17))
    for one, other in zip(few.lines, many.lines, strict=True):
        assert one.sides[-1].value == other.sides[-1].value
    assert len(str(many)) > len(str(few))


def test_large_networks_are_explained_in_a_moment():
    """Sums are made when they are shown: 784-300-10 is no matter of minutes, nor of memory."""
    net = cr.Network([784, 300, 10], loss="cross_entropy")
    trace = net.trace(RNG.random((4, 784)), RNG.integers(0, 10, 4))
    explanation = cr.explain(trace, layer=0, weight=(7, 400))
    assert "more ⋯" in str(explanation)


def test_it_is_loaded_when_it_is_first_used():
    """`import chainrule` doesn't wait for it; and what is imported from the floor hides nothing."""
    program = (
        "import sys, chainrule as cr; "
        "assert 'chainrule.explain.expressions' not in sys.modules; "
        "from chainrule.explain.notations import Notation; "
        "assert cr.Notation is Notation and callable(cr.explain) and callable(cr.verify); "
        "print(cr.explain(cr.Network([1, 1]).trace([[1]], [1])).title)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "Step 1, 1 sample\n"


def test_what_is_over_all_layers_names_none():
    net = cr.Network([3, 4, 2], activation="tanh", l2=0.1, seed=0)
    run = net.fit(X[:, :3], X[:, 3:5], optimizer=cr.SGD(0.1, clip_norm=0.01), epochs=1)
    text = str(cr.explain(run.at(1), layer=0, weight=(0, 0)))
    assert "R = ½l2 Σ w² = ½ · 0.1(" in text
    assert "‖g‖ = sqrt(Σ g²) = sqrt(" in text


# -- wrong use ------------------------------------------------------------------------------------


def test_a_row_of_another_batch(run, trace):
    row = next(row for row in range(40) if row not in trace.rows)
    steps = run.steps_of(row)
    with pytest.raises(ValueError, match=f"^row {row} is not in the batch of step 13") as caught:
        cr.explain(trace, row=row)
    named = re.search(r"was in step ([\d, ]+)$", str(caught.value))[1].split(", ")
    assert {int(n) for n in named} <= set(steps.tolist())
    assert cr.explain(run.at(int(named[0])), row=row).lines


@pytest.mark.parametrize(("options", "message"), [
    ({"row": 40}, "row must be from 0 to 39, a row of the training data, got 40"),
    ({"row": "1"}, "row must be from 0 to 39"),
    ({"layer": 2}, "layer must be from 0 to 1, a layer of weights, got 2"),
    ({"layer": True}, "layer must be from 0 to 1"),
    ({"layer": 0, "unit": 12}, "unit must be from 0 to 11 in layer 0, got 12"),
    ({"layer": 1, "weight": (0, 12)}, "the unit it comes from must be from 0 to 11 in layer 1"),
    ({"layer": 1, "weight": 3}, r"weight must be \(j, k\), to unit j from unit k, got 3"),
    ({"layer": 1, "unit": 0, "weight": (0, 0)}, "give a unit or a weight, not both"),
    ({"unit": 0}, "unit and weight need a layer"),
    ({"notation": "nobody's"}, "unknown notation"),
])  # fmt: skip
def test_what_is_not_there(trace, options, message):
    with pytest.raises(ValueError, match=message):
        cr.explain(trace, **options)
