"""Receipts: what is true is derived again by other code; what was changed is refused by name."""

import ast
import copy
import json
import sys
from pathlib import Path

import pytest
from drawn_steps import drawn, explanations

import chainrule as cr
from chainrule.explain.verifying import arithmetic, required, restated, stated, updates, verify
from chainrule.explain.verifying.verify import ReceiptError
from chainrule.explain.verifying.verify import verify as verified

X = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-0.75, 1.0, 0.125], [2.0, -0.5, 1.0]]


def step():
    """A step that has everything: dropout, weights, a penalty, clipping, Adam."""
    net = cr.Network([3, 4, 2], activation="tanh", seed=1, l2=0.01, dropout=0.25)
    y = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 1.0]]
    rule = cr.Adam(0.01, clip_norm=0.05)
    return net.fit(X, y, epochs=3, optimizer=rule, batch_size=2, sample_weight=[1, 2, 1, 3]).at(4)


@pytest.mark.parametrize("seed", range(40))
def test_a_true_receipt_is_derived_again(seed):
    """Of what is drawn at random: any activation, loss, optimizer, 1 to 4 layers, batches to 5."""
    for explanation in explanations(drawn(seed)):
        if explanation.sections:
            receipt = json.loads(explanation.to_json())
            assert verified(receipt) == len(receipt["lines"]) > 0


def test_every_number_is_the_traces():
    trace = step()
    receipt = json.loads(cr.explain(trace, layer=0, weight=(1, 2)).to_json())
    found = {entry["name"]: entry["value"] for entry in receipt["given"] + receipt["lines"]}
    assert found["weights[0][2, 1]"] == trace.weights[0][2, 1]
    assert found["pre_activations[1][0, 1]"] == trace.pre_activations[1][0, 1]
    assert found["deltas[0][1, 1]"] == trace.deltas[0][1, 1]
    assert found["weight_gradients[0][2, 1]"] == trace.weight_gradients[0][2, 1]
    after = trace.update.state_after["first_moment"].weights[0][2, 1]
    assert found["state_after.first_moment[0][2, 1]"] == after
    assert found["loss"] == trace.loss
    assert {entry["by"] for entry in receipt["lines"]} == {"engine", "computed"}


def test_the_verifier_knows_nothing_of_the_engine():
    """The standard library and its neighbours are all that it imports."""
    neighbours = "chainrule.explain.verifying"
    for module in (verify, arithmetic, restated, stated, required, updates):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names or name.startswith(neighbours)


# -- broken receipts ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    return json.loads(cr.explain(step(), row=None, layer=0, weight=(1, 2)).to_json())


def entry(receipt, name):
    return next(e for e in receipt["given"] + receipt["lines"] if e["name"] == name)


def value(name, change):
    def broken(receipt):
        entry(receipt, name)["value"] = change(entry(receipt, name)["value"])

    return broken


def equals(name, change):
    def broken(receipt):
        entry(receipt, name)["equals"] = change(entry(receipt, name)["equals"])

    return broken


def field(*path, to):
    def broken(receipt):
        place = receipt
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return broken


def without(name):
    def broken(receipt):
        for part in ("given", "lines"):
            receipt[part] = [e for e in receipt[part] if e["name"] != name]

    return broken


def put_first(name):
    def broken(receipt):
        line = entry(receipt, name)
        receipt["lines"].remove(line)
        receipt["lines"].insert(0, line)

    return broken


def twice(name):
    return lambda receipt: receipt["lines"].append(entry(receipt, name))


def given(name, number):
    return lambda receipt: receipt["given"].append({"name": name, "value": number, "is": ""})


def renamed(old, new):
    def broken(receipt):
        entry(receipt, old)["name"] = new

    return broken


def a_little(x):
    return x * (1 + 2**-12)  # a float32 still, and far beyond rounding


def rest(tree):
    return tree[1:]


Z, A, D = "pre_activations[0][0, 1]", "undropped[1][0, 1]", "deltas[1][0, 0]"
U, C = "output_gradients[1][0, 0]", "clipped_weights[0][2, 1]"
S, G = "sample_weight_gradients[0][0, 2, 1]", "weight_gradients[0][2, 1]"
M, V = "state_after.first_moment[0][2, 1]", "state_after.second_moment[0][2, 1]"
W, RATE = "new_weights[0][2, 1]", "learning_rate"

BROKEN = {
    # a number that was made
    "z": (value(Z, a_little), Z),
    "the sign of z": (value(Z, lambda x: -x), Z),
    "a": (value("activations[1][0, 0]", lambda x: x + 0.25), "activations[1][0, 0]"),
    "undropped": (value(A, lambda x: x * 1.0001), A),
    "a loss": (value("sample_losses[0]", lambda x: x * 2), "sample_losses[0]"),
    "the loss": (value("loss", lambda x: x + 1e-3), "loss"),
    "the penalty": (value("penalty", lambda x: x * 1.01), "penalty"),
    "a share": (value("shares[0]", lambda x: x * 1.01), "shares[0]"),
    "an output's slope": (value(U, lambda x: -x), U),
    "delta": (value(D, a_little), D),
    "the sign of delta": (value(D, lambda x: -x), D),
    "upstream": (value("upstream[0][0, 1]", lambda x: x + 1e-3), "upstream[0][0, 1]"),
    "a slope": (value("slopes[0][0, 1]", lambda x: 1 - x), "slopes[0][0, 1]"),
    "a sample's gradient": (value(S, lambda x: x + 1e-3), S),
    "a gradient": (value(G, a_little), G),
    "a bias's gradient": (value("bias_gradients[1][0]", lambda x: -x), "bias_gradients[1][0]"),
    "the norm": (value("gradient_norm", lambda x: x * 1.001), "gradient_norm"),
    "what was clipped": (value(C, lambda x: x * 2), C),
    "the first moment": (value(M, a_little), M),
    "the second moment": (value(V, lambda x: x * 2), V),
    "the new weight": (value(W, a_little), W),
    "a float64 in float32": (value(Z, lambda x: x + 1e-12), "is no number of float32"),
    "a nan": (value(Z, lambda _: float("nan")), "must be a finite number"),
    "a text": (value(Z, lambda _: "0.5"), "must be a finite number"),
    "nothing": (value(Z, lambda _: None), "must be a finite number"),
    "true": (value(Z, lambda _: True), "must be a finite number"),
    # a number that was given
    "a weight": (value("weights[0][2, 1]", lambda x: x + 0.125), Z),
    "a bias": (value("biases[0][1]", lambda x: x - 0.5), Z),
    "an input": (value("activations[0][0, 2]", lambda x: x + 1), "pre_activations[0]"),
    "a target": (value("targets[0, 1]", lambda x: x + 1), "sample_losses[0]"),
    "a mask": (value("masks[0][0, 1]", lambda x: x + 1), "masks[0][0, 1]: a mask is 0 or"),
    "a sample's weight": (value("sample_weights[0]", lambda x: x + 1), "shares[0]"),
    "the rate": (value(RATE, lambda x: x * 10), "learning_rate: the receipt states 0.01"),
    "an option": (value("option.beta1", lambda _: 0.5), "option.beta1: the receipt states 0.9"),
    "the penalty's option": (value("option.l2", lambda x: x * 2), "option.l2: the receipt states"),
    "memory": (value("state.first_moment[0][2, 1]", lambda x: x + 1), M),
    "the batch's size": (value("batch_size", lambda x: x + 1), "batch_size: the receipt states 2"),
    # an expression
    "a missing term": (equals(Z, lambda t: ["+", *rest(t)[:-1]]), f"{Z}: it must be made of"),
    "a shorter sum": (
        equals(Z, lambda t: ["+", ["sum", "k", 2, t[1][3]], *t[2:]]),
        f"{Z}: it must be made of weights[0][2, 1]",
    ),
    "a term twice": (equals(Z, lambda t: [*t, t[-1]]), f"{Z}: its terms are in another order"),
    "another order": (equals(Z, lambda t: [t[0], *reversed(rest(t))]), f"{Z}: its terms are in"),
    "another unit's weight": (
        equals(Z, lambda t: json.loads(json.dumps(t).replace("k, 1", "k, 0"))),
        f"{Z}: it must be made of weights[0][0, 1]",
    ),
    "another operation": (equals(D, lambda t: ["+", *rest(t)]), D),
    "a sign": (equals(Z, lambda t: ["-", t]), f"{Z}: its expression gives"),
    "a constant": (equals(Z, lambda t: [*t, 7.0]), f"{Z}: no formula has the constant 7.0"),
    "a small constant": (equals(Z, lambda t: [*t, 1e-9]), f"{Z}: no formula has the"),
    "another function": (equals(A, lambda t: ["sin", *rest(t)]), f"{A}: its expression gives"),
    "an unknown function": (equals(A, lambda t: ["evil", *rest(t)]), f"{A}: ['evil'"),
    "no expression": (equals(A, lambda _: []), A),
    "an object": (equals(A, lambda _: {"a": 1}), A),
    "the result itself": (equals(Z, lambda _: Z), Z),
    "a part too many": (equals(A, lambda t: [*t, t[1]]), f"{A}: ["),
    "a difference turned": (equals(U, lambda t: ["+", t[2][1], ["-", t[1]]]), f"{U}: its"),
    "no decay of the mean": (
        equals(M, lambda t: ["+", t[1][2], *t[2:]]),
        f"{M}: its expression gives",
    ),
    # lines
    "a line missing": (without(Z), f"{Z}: it is used, and comes from nowhere before"),
    "a given number missing": (without("weights[0][0, 1]"), "weights[0][0, 1]: it is used"),
    "the last line missing": (without(W), f"{W}: it is to be explained, and has no line"),
    "a line too early": (put_first(D), "it is used, and comes from nowhere before"),
    "a line twice": (twice(Z), f"{Z}: it is there twice"),
    "z given": (given("pre_activations[0][0, 3]", 1.0), "pre_activations[0][0, 3]: it is "),
    "a made number given": (given("upstream[0][1, 3]", 1.0), "upstream[0][1, 3]: it is made"),
    "an unknown name": (renamed(Z, "magic[0][0, 1]"), "magic[0][0, 1]: no quantity of"),
    "no name": (renamed(Z, "z"), "z: no quantity of a step has such a name"),
    "a layer that isn't": (renamed(Z, "pre_activations[7][0, 1]"), "there is no layer 7"),
    "a unit that isn't": (renamed(Z, "pre_activations[0][0, 9]"), "there is no such place"),
    "a sample that isn't": (renamed(Z, "pre_activations[0][5, 1]"), "there is no such place"),
    "an engine's that was computed": (
        lambda r: entry(r, A).update(by="engine"), f"{A}: it is made by 'computed', got 'engine'",
    ),
    "a field too many": (lambda r: entry(r, Z).update(note="x"), f"{Z}: its fields must be"),
    "a line that is a list": (lambda r: r["lines"].append([1]), "a line must have a name"),
    # the head
    "another activation": (field("network", "activations", to=["sigmoid", "identity"]), A),
    "an unknown activation": (field("network", "activations", to=["x", "tanh"]), "unknown act"),
    "another loss": (field("network", "loss", to="absolute_error"), "sample_losses"),
    "an unknown loss": (field("network", "loss", to="x"), "unknown loss 'x'"),
    "another dtype": (field("network", "dtype", to="float64"), "masks[0][0, 1]: a mask"),
    "another size": (field("network", "layer_sizes", to=[3, 4, 1]), "there is no such place"),
    "no dropout": (field("network", "dropout", to=0.0), "masks"),
    "another penalty": (field("network", "l2", to=0.02), "option.l2: the receipt states 0.02"),
    "another reduction": (field("network", "reduction", to="sum"), "shares[0]"),
    "another optimizer": (field("update", "optimizer", to="rmsprop"), "rmsprop has no memory"),
    "an unknown optimizer": (field("update", "optimizer", to="x"), "unknown optimizer 'x'"),
    "another rate": (field("update", "learning_rate", to=0.5), "learning_rate: the receipt"),
    "an earlier step": (field("update", "step_number", to=3), "step_number must be a whole"),
    "not clipped": (field("update", "is_clipped", to=False), M),
    "no update": (field("update", to=None), "there is no option 'clip_norm'"),
    "one row less": (field("rows", to=[0]), "batch_size: the receipt states 1"),
    "weights unsaid": (field("is_weighted", to=False), "shares[0]"),
    "another format": (field("receipt", to=2), "this is receipt 1, got 2"),
    "a strange field": (field("magic", to=1), "unknown field 'magic'"),
    "no lines": (field("lines", to={}), "lines must be a list"),
    "a list": (None, "must be an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_receipt_is_refused_by_name(whole, name):
    break_it, message = BROKEN[name]
    receipt = copy.deepcopy(whole)
    if break_it is None:
        receipt = [receipt]
    else:
        break_it(receipt)
        assert receipt != whole, "nothing was broken"
    with pytest.raises(ReceiptError) as caught:
        verified(receipt)
    assert message in str(caught.value)


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 60


def test_each_number_is_checked(whole):
    """Whichever number is changed, by a thousandth or by its sign: the receipt is refused."""
    for part in ("given", "lines"):
        for place, one in enumerate(whole[part]):
            if one["name"].startswith(("rows", "step_number")) or one["value"] == 0:
                continue
            receipt = copy.deepcopy(whole)
            receipt[part][place]["value"] = -one["value"]
            with pytest.raises(ReceiptError):
                verified(receipt)


# -- what has no receipt ------------------------------------------------------------------------


def test_what_has_no_receipt():
    trace = step()
    with pytest.raises(ValueError, match="a receipt needs lines: explain a row"):
        cr.explain(trace).to_json()
    with pytest.raises(ValueError, match="these are rounded as on paper"):
        cr.explain(trace, layer=0, decimals=3).to_json()
    own = cr.Network([3, 2], loss=(lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3),
                     engine="reference", dtype="float64")  # fmt: skip
    with pytest.raises(ValueError, match="a loss of one's own has none"):
        cr.explain(own.trace(X, [[1.0, 2.0]] * 4), layer=0).to_json()
    large = cr.Network([3, 2], output="exponential", loss="poisson", dtype="float64")
    large.w[:] = 1000.0
    with pytest.raises(ValueError, match="a receipt needs finite numbers, and"):
        cr.explain(large.trace(X, [[1.0, 2.0]] * 4), layer=0).to_json()
