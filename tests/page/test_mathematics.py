"""What the page computes and writes, beside what Python does with the same step."""

import json

import numpy as np
import pages
import pytest
from drawn_steps import ACTIVATIONS, OPTIMIZERS, drawn, targets

import chainrule as cr
from chainrule.explain.equations import Equations
from chainrule.explain.lines import MOST_TERMS, Lines
from chainrule.explain.mathml import MathmlWriter
from chainrule.explain.quantities import Quantity
from chainrule.explain.speech import SpeechWriter

WRITTEN = """([document, quantities, name, sample]) => {
  const [step] = chainrule.stepsOf(document);
  const notation = document.notations.find((one) => one.name === name);
  const reader = new chainrule.Reader(document, step, notation, sample, 6);
  reader.mathml.isMarking = false;
  return quantities.map((which) => {
    const line = reader.line(which);
    return [reader.number(which), reader.mathml.math(line.sides, line.sign), reader.spoken(line)];
  });
}"""

COMPUTED = """([document, quantities]) => {
  const [step] = chainrule.stepsOf(document);
  const changed = step.changed(['of', 'biases', 0, [0], ''], step.number('biases', 0, [0]));
  return quantities.map(([, ...place]) => changed.number(...place));
}"""


@pytest.fixture(scope="module")
def bench(browser, tmp_path_factory):
    """A page whose modules compute on any document: opened once, as that takes longest."""
    file = tmp_path_factory.mktemp("bench") / "page.html"
    file.write_text(pages.small(), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    yield page
    page.close()


def document_of(html):
    return json.loads(html.split('id="document">')[1].split("</script>")[0])


def as_list(quantity):
    return ["of", quantity.kind, quantity.layer, list(quantity.at), quantity.name]


def of_step(trace):
    """Every quantity of a small step: of each sample, neuron, weight and bias."""
    equations, n = Equations(trace), len(trace.rows)
    yield Quantity("loss")
    for i in range(n):
        yield Quantity("sample_losses", -1, (i,))
    for layer, (fan_in, fan_out) in enumerate(trace.parameters.spec.shapes):
        for j in range(fan_out):
            for i in range(n):
                yield Quantity("pre_activations", layer, (i, j))
                yield Quantity("activations", layer + 1, (i, j))
                yield Quantity("deltas", layer, (i, j))
            for at in [*((k, j) for k in range(fan_in)), (j,)]:
                yield Quantity("weight_gradients" if len(at) == 2 else "bias_gradients", layer, at)
                yield from equations.update_of(layer, at)


def same(made, expected, dtype):
    """Within what the dtype's numbers, of some hundred operations, may differ by."""
    made, expected = (np.array(v, dtype=float) for v in (made, expected))
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30)
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(made, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("seed", range(42))
def test_numbers_equations_and_words_are_those_of_python(bench, seed):
    """The page has a reading of its own of the equations, whose numbers and text are Python's."""
    trace = drawn(seed)
    notation = list(cr.NOTATIONS)[seed % len(cr.NOTATIONS)]
    row = int(trace.rows[-1])
    explanation = cr.explain(trace, row=row, layer=0, unit=0, notation=notation)
    quantities = [q for q in of_step(trace) if q.kind not in ("gradient_norm", "penalty", "loss")]
    quantities = [q for q in quantities if "clipped" not in q.kind][:80]
    document, place = document_of(explanation.to_html()), len(trace.rows) - 1
    written = bench.evaluate(WRITTEN, [document, list(map(as_list, quantities)), notation, place])
    symbol = cr.NOTATIONS[notation].of(trace, place)
    mathml, speech = MathmlWriter(symbol), SpeechWriter(symbol)
    line = Lines(Equations(trace), cr.NOTATIONS[notation], MOST_TERMS, reference=False).line
    for quantity, (number, math, spoken) in zip(quantities, written, strict=True):
        expected = line(quantity)
        assert number == pytest.approx(expected.sides[-1].value, rel=1e-12, abs=1e-300), quantity
        assert math == mathml.math(*expected.sides, sign=expected.sign)
        assert spoken == speech.equation(*expected.sides, sign=expected.sign)


def compare(bench, trace):
    """What the page computes from what the step began with is what the engine computed."""
    quantities = list(of_step(trace))
    document = document_of(cr.explain(trace, row=int(trace.rows[0])).to_html())
    made = bench.evaluate(COMPUTED, [document, list(map(as_list, quantities))])
    of = Equations(trace)
    by_kind = {}
    for quantity, value in zip(quantities, made, strict=True):
        by_kind.setdefault((quantity.kind, quantity.layer), []).append((value, of.number(quantity)))
    for (kind, layer), pairs in by_kind.items():
        with np.errstate(all="raise"):
            try:
                same(*zip(*pairs, strict=True), trace.parameters.spec.dtype)
            except AssertionError as error:
                raise AssertionError(f"{kind}[{layer}]") from error


def step_of(spec, loss, optimizer=cr.SGD(0.1), **options):  # noqa: B008 (it never changes)
    rng = np.random.default_rng(7)
    net = cr.Network(spec, loss=loss, seed=3, dtype="float64", init="glorot_normal", **options)
    run = net.fit(rng.normal(size=(6, spec[0])), targets(loss, 6, spec[-1], rng),
                  optimizer=optimizer, epochs=3, batch_size=3)  # fmt: skip
    return run.at(4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_computes_every_activation(bench, activation):
    compare(bench, step_of([3, 4, 2], "squared_error", activation=activation))


@pytest.mark.parametrize("loss", cr.LOSSES)
def test_it_computes_every_loss_with_every_output(bench, loss):
    row = cr.LOSSES[loss]
    size = 4 if row.parts else 3 if row.targets == "classes" else 2
    for output in row.outputs or ("identity", "sigmoid"):
        compare(bench, step_of([3, 4, size], loss, activation="tanh", output=output))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: repr(o)[:40])
def test_it_computes_every_optimizer(bench, optimizer):
    compare(bench, step_of([3, 4, 2], "squared_error", optimizer, activation="tanh", l2=0.01))


@pytest.mark.parametrize("seed", range(100, 140))
def test_it_computes_steps_drawn_at_random(bench, seed):
    compare(bench, drawn(seed))


def test_steps_taken_in_the_page_are_those_of_the_engine(opened):
    """Ten steps of full batches, taken one after the other, end where the engine ends."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 3)), rng.integers(0, 3, 8)
    net = cr.Network([3, 5, 3], activation="tanh", loss="cross_entropy", dtype="float64", seed=1)
    run = net.fit(X, y, optimizer=cr.Adam(0.05), epochs=12, batch_size=8, shuffle=False)
    page = opened(cr.explain(run.at(1), row=0).to_html())
    made = page.evaluate("""() => {
      const page = chainrule.page;
      const losses = [];
      for (let n = 0; n < 10; n++) {
        page.take();
        losses.push(page.step.number('loss'));
      }
      return losses;
    }""")
    np.testing.assert_allclose(made, run.losses[1:11], rtol=1e-11)


def test_a_step_that_is_taken_has_the_rate_of_the_runs_next(opened):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    net = cr.Network([3, 5, 1], activation="tanh", dtype="float64", seed=1)
    rule = cr.SGD(cr.Cosine(0.3), momentum=0.5)
    run = net.fit(X, y, optimizer=rule, epochs=6, batch_size=4)
    page = opened(cr.explain(run.at(4)).to_html(run))
    taken = "chainrule.page.take(); return chainrule.page.step.number('loss')"
    made = [page.evaluate(f"() => {{ {taken} }}") for _ in range(2)]
    np.testing.assert_allclose(made, run.losses[4:6], rtol=1e-12)
    rate = page.evaluate("chainrule.page.step.number('learning_rate')")
    assert rate == run.rates[5]


def test_a_changed_row_stays_changed_when_the_step_is_taken(opened):
    """The page has no next step: it goes on with the row as it is."""
    net = cr.Network([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    run = net.fit([[1.0, 2.0]], [[0.5]], optimizer=cr.SGD(0.1), epochs=1)
    page = opened(cr.explain(run.at(1)).to_html())
    made = page.evaluate("""() => {
      const page = chainrule.page;
      page.change(['of', 'activations', 0, [0, 0], ''], 3);
      page.change(['of', 'targets', -1, [0, 0], ''], -0.25);
      page.take();
      return [page.step.number('loss'), page.step.number('activations', 0, [0, 0])];
    }""")
    other = cr.Network([2, 3, 1], activation="tanh", dtype="float64", seed=1)
    losses = other.fit([[3.0, 2.0]], [[-0.25]], optimizer=cr.SGD(0.1), epochs=2).losses
    assert made == pytest.approx([losses[1], 3.0], rel=1e-12)


def test_the_error_function_of_the_page(bench):
    from math import erfc

    points = [*np.linspace(-6, 6, 241).tolist(), 10.0, 25.0]
    made = bench.evaluate("(points) => points.map(chainrule.complementaryErrorFunction)", points)
    np.testing.assert_allclose(made, [erfc(x) for x in points], rtol=2e-13)


def test_samples_that_the_page_has_not_stay_as_they_were(opened, monkeypatch):
    """Of a large batch the page has some samples; the others keep their share of the gradient."""
    from chainrule.explain.page import document as module

    monkeypatch.setattr(module, "_MOST_VALUES", 20)
    trace = step_of([3, 2, 1], "squared_error", activation="tanh")
    html = cr.explain(trace, row=int(trace.rows[-1])).to_html()
    document = document_of(html)
    assert len(document["steps"][0]["rows"]) < 3
    page = opened(html)
    quantities = [Quantity("loss"), Quantity("weight_gradients", 0, (1, 1))]
    made = page.evaluate(COMPUTED, [document, list(map(as_list, quantities))])
    same(made, [Equations(trace).number(q) for q in quantities], "float64")
    assert "batch of 3, of which" in page.locator("#facts").inner_text()
    page.evaluate("chainrule.page.take()")  # which is on the samples that the page has
    assert "of which" not in page.locator("#facts").inner_text()


@pytest.mark.parametrize(
    ("loss", "output", "z"),
    [("binary_cross_entropy", "sigmoid", 60.0), ("binary_cross_entropy", "sigmoid", -800.0),
     ("cross_entropy", "softmax", 900.0), ("poisson", "exponential", -750.0)],
)  # fmt: skip
def test_saturated_outputs_keep_their_digits(bench, loss, output, z):
    """ℓ where a rounds to 0 or 1, or exp(z) overflows: the engine takes it from z, the page too."""
    outputs = 3 if loss == "cross_entropy" else 1
    net = cr.Network([1, outputs], output=output, loss=loss, dtype="float64", seed=0)
    net.w[:], net.b[:] = 0.0, 0.0
    net.b[0] = z
    for target in range(2):
        y = np.eye(3)[[target]] if outputs == 3 else [[float(target)]]
        trace = net.trace([[1.0]], y)
        document = document_of(cr.explain(trace, row=0).to_html())
        asked = [["of", "sample_losses", -1, [0], ""], ["of", "deltas", 0, [0, 0], ""]]
        loss_there, delta = bench.evaluate(COMPUTED, [document, asked])
        assert loss_there == pytest.approx(trace.sample_losses[0], rel=1e-13)
        assert delta == pytest.approx(trace.deltas[0][0, 0], rel=1e-13)
