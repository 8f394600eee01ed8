"""Notations: each says the numbers of the worked example it comes from, under the book's names."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.text import TextWriter


def network(sizes, weights, biases, **options):
    """A network with these weights, each layer's matrix (fan_in, fan_out)."""
    options = {"activation": "sigmoid", "output": "sigmoid", "dtype": "float64"} | options
    net = cr.Network(sizes, **options)
    for layer, W in enumerate(weights):
        net.weights[layer][:] = W
    net.b = biases
    return net


def step(net, x, y, rate):
    """The first step of gradient descent on one sample."""
    return net.fit([x], [y], optimizer=cr.SGD(rate), epochs=1, batch_size=1).at(1)


def said(trace, notation, **options):
    """Every number that the notation says, by its symbol as text."""
    spec, found = trace.parameters.spec, {}
    for layer, (fan_in, fan_out) in enumerate(spec.shapes):
        for j in range(fan_out):
            places = [{"unit": j}, *({"weight": (j, k)} for k in range(fan_in))]
            for place in places:
                explanation = cr.explain(trace, layer=layer, notation=notation, **place, **options)
                found |= numbers(explanation, notation, trace)
    return found


def numbers(explanation, notation, trace):
    writer = TextWriter(cr.NOTATIONS[notation].of(trace, 0))
    return {writer.write(line.sides[0]): line.sides[-1].value for line in explanation.lines}


def assert_says(found, published, tolerance):
    for symbol, text in published.items():
        assert symbol in found, f"{symbol} is not among {sorted(found)}"
        assert math.isclose(found[symbol], float(text), abs_tol=tolerance), (
            f"{symbol}: said {found[symbol]}, published {text}"
        )


def test_mazur(examples):
    given, published = (examples["mazur_2_2_2"][key] for key in ("given", "published"))
    W = [np.array([[given[f"w{n}"], given[f"w{n + 2}"]] for n in (first, first + 1)])
         for first in (1, 5)]  # fmt: skip
    net = network([2, 2, 2], W, [given["b1"]] * 2 + [given["b2"]] * 2)
    found = said(step(net, given["i"], given["target"], given["learning_rate"]), "mazur")
    names = {
        "net_h1": "netₕ₁", "out_h1": "outₕ₁", "out_h2": "outₕ₂", "net_o1": "netₒ₁",
        "out_o1": "outₒ₁", "out_o2": "outₒ₂", "E_total": "Eₜₒₜₐₗ", "dE_dout_o1": "∂E/∂outₒ₁",
        "dout_o1_dnet_o1": "∂outₒ₁/∂netₒ₁", "dE_dw5": "∂E/∂w₅", "dE_dnet_o1": "∂E/∂netₒ₁",
        "dE_dout_h1": "∂E/∂outₕ₁", "dout_h1_dnet_h1": "∂outₕ₁/∂netₕ₁", "dE_dw1": "∂E/∂w₁",
        **{f"w{n}_new": f"w⁺{'₀₁₂₃₄₅₆₇₈'[n]}" for n in range(1, 9)},
    }  # fmt: skip
    assert_says(found, {symbol: published[name] for name, symbol in names.items()}, 5.1e-9)


def three_two_one(given):
    """Han's and Negnevitsky's units are counted throughout."""
    return [
        [given["w14"], given["w15"]],
        [given["w24"], given["w25"]],
        [given["w34"], given["w35"]],
    ]


def test_han(examples):
    given, published = (examples["han_kamber_9_1"][key] for key in ("given", "published"))
    W = [three_two_one(given), [[given["w46"]], [given["w56"]]]]
    net = network([3, 2, 1], W, [given[f"theta{n}"] for n in (4, 5, 6)])
    trace = step(net, given["x"], [given["target"]], given["learning_rate"])
    found = said(trace, "han")
    digits = "₀₁₂₃₄₅₆"
    published = {
        name.replace("theta", "θ").translate(str.maketrans("0123456", digits)): value
        for name, value in published.items()
    }
    assert_says(found, published, 1e-3)
    assert "Err₆ = e₆ O′₆ = 0.526111 · 0.249318 = 0.131169" in str(
        cr.explain(trace, layer=1, unit=0, notation="han")
    )


def test_negnevitsky(examples):
    given, published = (examples["negnevitsky_xor_2_2_1"][key] for key in ("given", "published"))
    W = [[[given["w13"], given["w14"]], [given["w23"], given["w24"]]],
         [[given["w35"]], [given["w45"]]]]  # fmt: skip
    net = network([2, 2, 1], W, [-given[f"theta{n}"] for n in (3, 4, 5)])
    trace = step(net, given["x"], [given["yd"]], given["alpha"])
    names = {
        "y3": "y₃", "y4": "y₄", "y5": "y₅", "e": "e₅", "delta5": "δ₅", "delta3": "δ₃",
        "delta4": "δ₄", "w13": "w₁₃", "w14": "w₁₄", "w23": "w₂₃", "w24": "w₂₄", "w35": "w₃₅",
        "w45": "w₄₅", "theta3": "θ₃", "theta4": "θ₄", "theta5": "θ₅",
    }  # fmt: skip
    found = said(trace, "negnevitsky")
    assert_says(found, {symbol: published[name] for name, symbol in names.items()}, 5.1e-5)
    text = str(cr.explain(trace, layer=1, unit=0, notation="negnevitsky"))
    assert "X₅ = w₃₅ y₃ + w₄₅ y₄ - θ₅" in text  # a threshold is taken away
    assert "e₅ = d₅ - y₅" in text


def test_hagan(examples):
    given, published = (examples["hagan_nnd_1_2_1"][key] for key in ("given", "published"))
    W = [np.array(given["W1"]).T, np.array(given["W2"]).T]
    net = network([1, 2, 1], W, [*given["b1"], *given["b2"]], output="identity")
    target = 1 + math.sin(math.pi / 4)
    # F = e² has twice the gradient of ½ e²: half the rate here is the book's α there
    trace = step(net, [given["p"]], [target], 2 * given["alpha"])
    found = said(trace, "hagan")
    expected = {
        "a¹₁": published["a1"][0], "a¹₂": published["a1"][1], "a²₁": published["a2"],
        "s²₁": published["s2"], "s¹₁": published["s1"][0], "s¹₂": published["s1"][1],
        "w²₁₁": published["W2_new"][0], "w²₁₂": published["W2_new"][1],
        "b²₁": published["b2_new"], "w¹₁₁": published["W1_new"][0],
        "w¹₂₁": published["W1_new"][1], "b¹₁": published["b1_new"][0],
        "b¹₂": published["b1_new"][1],
    }  # fmt: skip
    assert_says(found, expected, 6e-4)
    assert found["F"] == pytest.approx(1.26082475**2, rel=1e-6)
    assert "F = (a²₁ - t₁)²" in str(cr.explain(trace, row=0, notation="hagan"))
    assert "- α ∂F/∂b²₁ = 0.48 - 0.1 ·" in str(cr.explain(trace, layer=1, unit=0, notation="hagan"))


def test_the_article():
    """λ for the rate, ŷ for the truth, w_jk to j from k, all counted from 0."""
    net = network([2, 2, 1], [[[0.1, 0.2], [0.3, 0.4]], [[0.5], [0.6]]], [0.0, 0.1, 0.2])
    trace = step(net, [1.0, 2.0], [1.0], 0.5)
    text = str(cr.explain(trace, layer=0, weight=(1, 0), notation="article"))
    for line in (
        "z⁰₁ = w⁰₁₀ x₀ + w⁰₁₁ x₁ + b⁰₁ = 0.2 · 1 + 0.4 · 2 + 0.1 = 1.1",
        "L = ½(a¹₀ - ŷ₀)²",
        "∂L/∂a¹₀ = a¹₀ - ŷ₀",
        "∂L/∂z¹₀ = ∂L/∂a¹₀ σ′¹₀",
        "∂L/∂a⁰₁ = w¹₀₁ ∂L/∂z¹₀",
        "∂L/∂w⁰₁₀ = ∂L/∂a⁰₁ σ′⁰₁ x₀",
        "w⁰₁₀ ← w⁰₁₀ - λ ∂L/∂w⁰₁₀ = 0.2 - 0.5 ·",
    ):
        assert line in text, f"{line} is not in\n{text}"


def test_nielsen_counts_layers_from_the_input():
    net = network([2, 2, 1], [[[0.1, 0.2], [0.3, 0.4]], [[0.5], [0.6]]], [0.0, 0.1, 0.2])
    trace = step(net, [1.0, 2.0], [1.0], 0.5)
    text = str(cr.explain(trace, layer=1, weight=(0, 1), notation="nielsen"))
    assert "z³₁ = w³₁₁ a²₁ + w³₁₂ a²₂ + b³₁" in text
    assert "w³₁₂ ← w³₁₂ - η ∂C/∂w³₁₂" in text


def test_on_paper(examples):
    """Each line rounded before the next one uses it, as in a book: Han's weights to 3 decimals."""
    given, published = (examples["han_kamber_9_1"][key] for key in ("given", "published"))
    W = [three_two_one(given), [[given["w46"]], [given["w56"]]]]
    net = network([3, 2, 1], W, [given[f"theta{n}"] for n in (4, 5, 6)])
    trace = step(net, given["x"], [given["target"]], given["learning_rate"])
    text = str(cr.explain(trace, layer=1, unit=0, notation="han", decimals=3))
    assert "I₆ = w₄₆ O₄ + w₅₆ O₅ + θ₆ = (-0.3) · 0.332 + (-0.2) · 0.525 + 0.1 = -0.105" in text
    assert "O₆ = 1 / (1 + exp(-I₆)) = 1 / (1 + exp(-(-0.105))) = 0.474" in text
    assert published["I6"] == "-0.105"
    assert published["O6"] == "0.474"


def test_a_teachers_own():
    mine = cr.Notation("mine", "my lectures", {"activations": "h_{j}^{l}", "learning_rate": "α"})
    trace = step(network([1, 1], [[[0.5]]], [0.0]), [1.0], [1.0], 0.5)
    text = str(cr.explain(trace, layer=0, weight=(0, 0), notation=mine))
    assert "h¹₁ = 1 / (1 + exp(-z¹₁))" in text
    assert "w¹₁₁ ← w¹₁₁ - α ∂L/∂w¹₁₁" in text


def test_wrong_notations():
    trace = network([1, 1], [[[0.5]]], [0.0]).trace([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="unknown notation 'nielson': did you mean 'nielsen'"):
        cr.explain(trace, notation="nielson")
    wrong = cr.Notation("w", "", {"activations": "h_j"})
    with pytest.raises(ValueError, match="is not a template of a notation"):
        str(cr.explain(trace, row=0, notation=wrong))


@pytest.mark.parametrize("notation", cr.NOTATIONS)
def test_equations_hold_in_every_notation(notation):
    """The substituted side, with the notation's numbers, is the result: for scaled ones too."""
    from chainrule.explain.expressions import evaluated

    net = cr.Network([3, 4, 2], activation="tanh", seed=1, dtype="float64", l2=0.01)
    X, y = np.random.default_rng(0).normal(size=(6, 3)), np.eye(2)[[0, 1, 1, 0, 1, 0]]
    rule = cr.SGD(0.1, momentum=0.9, clip_norm=0.2, weight_decay=0.1)
    trace = net.fit(X, y, optimizer=rule, epochs=2, batch_size=3).at(3)
    row = int(trace.rows[1])
    for place in ({"layer": 0, "weight": (1, 2)}, {"layer": 1, "unit": 1}, {"layer": 0}, {}):
        for line in cr.explain(trace, row=row, notation=notation, full=True, **place).lines:
            if line.quantity is not None and len(line.sides) > 3:
                found = evaluated(line.sides[-2], None)
                assert math.isclose(found, line.sides[-1].value, rel_tol=1e-9, abs_tol=1e-12)
