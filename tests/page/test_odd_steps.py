"""Pages of odd steps: whatever is pressed, nothing fails, and what is shown is a number."""

import numpy as np
import pytest
from drawn_steps import drawn

import chainrule as cr

WALK = """() => {
  const page = chainrule.page;
  const seen = [];
  for (const grain of ['layer', 'neuron', 'term']) {
    page.set({grain});
    page.go(0);
    for (let n = 0; n < 15; n++) page.move(1);
    for (let n = 0; n < 5; n++) page.move(-1);
    seen.push(document.getElementById('stop').textContent);
  }
  for (const notation of page.document.notations) page.set({notation});
  for (let sample = 0; sample < Math.min(3, page.step.samples); sample++) page.set({sample});
  page.learning.isOn = true;
  page.render();
  page.learning.isOn = false;
  page.print();
  if (page.document.network.loss) page.check();
  if (page.document.network.loss && page.step.source.update) {
    page.take();
    page.take();
    page.go(page.tour.first('update'));
  }
  const lines = document.querySelectorAll('#lines .line').length;
  return [...seen, lines, document.getElementById('page').innerText];
}"""


def walked(opened, html):
    """Whatever goes wrong in the page fails ``opened``; nor may it show what is no number."""
    *_, lines, text = opened(html).evaluate(WALK)
    assert lines > 0
    assert "undefined" not in text
    assert "[object" not in text
    return text


@pytest.mark.parametrize("seed", range(200, 208))
def test_steps_drawn_at_random(opened, seed):
    trace = drawn(seed)
    walked(opened, cr.explain(trace, row=int(trace.rows[0])).to_html())


def test_a_step_that_was_not_taken(opened):
    trace = cr.Network([2, 2, 1], seed=0).trace([[1.0, 2.0]], [0.5])
    walked(opened, cr.explain(trace).to_html())


def test_a_loss_of_ones_own(opened):
    def loss(a, y):
        return ((a - y) ** 4).sum(axis=1)

    def slope(a, y):
        return 4 * (a - y) ** 3

    net = cr.Network([2, 3, 1], loss=(loss, slope), seed=0, engine="reference")
    run = net.fit([[0.0, 1.0], [1.0, 0.5]], [[1.0], [0.0]], epochs=5)
    page = cr.explain(run.at(3), row=0).to_html(run)
    assert "a loss of your own" in walked(opened, page)


def test_many_layers_and_wide_ones(opened):
    rng = np.random.default_rng(0)
    for sizes in ([3, *[4] * 11, 1], [4, 200, 2], [1, 1]):
        net = cr.Network(sizes, activation="tanh", seed=0)
        X = rng.normal(size=(5, sizes[0]))
        run = net.fit(X, rng.normal(size=(5, sizes[-1])), epochs=3, batch_size=2)
        walked(opened, cr.explain(run.at(4)).to_html(run))


def test_a_step_that_diverged(opened):
    net = cr.Network([1, 2, 1], activation="relu", seed=0)
    with pytest.raises(FloatingPointError) as caught:
        net.fit([[1e3], [2e3]], [1.0, 2.0], optimizer=cr.SGD(1e3), epochs=60)
    run = caught.value.run
    walked(opened, cr.explain(run.at(run.step)).to_html(run))


def test_an_estimators_step(opened):
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    model = cr.MLPClassifier(hidden_layer_sizes=(6,), max_iter=30, random_state=0,
                             early_stopping=True).fit(X, y)  # fmt: skip
    run = model.run_
    walked(opened, cr.explain(run.at(12)).to_html(run, outputs=["0", "1", "2"]))
