"""The document of a page: its written form, and its numbers, which are the trace's bits."""

import base64
import json
import re
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pages
import pytest
from drawn_steps import drawn

import chainrule as cr

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "page.schema.json").read_text())


def document_of(html):
    return json.loads(html.split('id="document">')[1].split("</script>")[0])


@pytest.mark.parametrize(
    "html", [pytest.param(make, id=name) for name, make in pages.PAGES.items()]
)
def test_pages_have_the_written_form(html):
    jsonschema.validate(document_of(html()), SCHEMA)


@pytest.mark.parametrize("seed", range(60))
def test_every_step_has_the_written_form(seed):
    trace = drawn(seed)
    document = document_of(cr.explain(trace, row=int(trace.rows[0])).to_html())
    jsonschema.validate(document, SCHEMA)
    (step,) = document["steps"]

    def array(place):
        one = document["arrays"][place]
        return np.frombuffer(base64.b64decode(one["data"]), one["dtype"])

    pairs = [
        (step["parameters"], trace.parameters.theta),
        (step["gradient"], trace.gradient.theta),
        (step["targets"], trace.targets),
        (step["sample_losses"], trace.sample_losses),
        (step["update"]["parameters"], trace.update.parameters.theta),
        *((step["update"]["state"][k], v.theta) for k, v in trace.update.state.items()),
        *zip(step["activations"], trace.activations, strict=True),
        *zip(step["deltas"], trace.deltas, strict=True),
    ]
    for place, expected in pairs:
        assert array(place).tobytes() == np.ascontiguousarray(expected).tobytes()
    assert step["loss"] == trace.loss


def run_of(steps=30, **options):
    net = cr.Network([2, 3, 1], seed=0, dtype="float64")
    X = np.random.default_rng(0).normal(size=(6, 2))
    return net.fit(X, X[:, 0], optimizer=cr.SGD(0.1), epochs=steps // 3, batch_size=2, **options)


class TestSteps:
    @pytest.mark.parametrize(("at", "expected"), [(1, [1, 2, 3]), (15, [13, 14, 15, 16, 17]),
                                                  (30, [28, 29, 30])])  # fmt: skip
    def test_those_beside_it_are_on_the_page(self, at, expected):
        run = run_of()
        document = document_of(cr.explain(run.at(at)).to_html(run))
        assert [step["step"] for step in document["steps"]] == expected
        assert document["shown"]["step"] == at

    def test_weights_after_a_step_are_kept_once(self):
        run = run_of()
        steps = document_of(cr.explain(run.at(15)).to_html(run))["steps"]
        for before, after in pairwise(steps):
            assert before["update"]["parameters"] == after["parameters"]

    def test_a_step_that_is_not_yet_taken_can_be_opened_in_a_callback(self):
        made = []

        def open_page(run):
            made.append(cr.explain(run.trace()).to_html(run))

        run_of(9, callbacks=cr.Callback(open_page, every=4))
        steps = document_of(made[0])["steps"]
        assert [(step["step"], step["update"]) for step in steps] == [(5, None)]

    def test_a_step_of_another_run_is_refused(self):
        run, other = run_of(), run_of(shuffle=False)
        with pytest.raises(ValueError, match="it is of another run"):
            cr.explain(run.at(7)).to_html(other)

    def test_a_long_curve_is_thinned_and_keeps_its_ends_and_peaks(self):
        run = run_of(3000)
        curve = document_of(cr.explain(run.at(7)).to_html(run))["run"]["curve"]
        assert len(curve) <= 402
        assert (curve[0][0], curve[-1][0]) == (1, 3000)
        assert max(loss for _, loss in curve) == run.losses.max()
        assert all(run.losses[step - 1] == loss for step, loss in curve)

    def test_a_step_that_diverged_has_a_page(self):
        net = cr.Network([1, 1], seed=0)
        with pytest.raises(FloatingPointError) as caught:
            net.fit([[1e3], [2e3]], [1.0, 2.0], optimizer=cr.SGD(1e3), epochs=60)
        run = caught.value.run
        document = document_of(cr.explain(run.at(run.step)).to_html(run))
        jsonschema.validate(document, SCHEMA)


class TestNames:
    def test_they_must_be_as_many_as_inputs_and_outputs(self):
        run = run_of()
        with pytest.raises(ValueError, match="inputs must be 2 names, one each, got 1"):
            cr.explain(run.at(1)).to_html(run, inputs=["a"])
        with pytest.raises(ValueError, match="outputs must be 1 names, one each, got 2"):
            cr.explain(run.at(1)).to_html(run, outputs=["a", "b"])
        with pytest.raises(ValueError, match=r"image must be \(rows, columns\) of 2 pixels"):
            cr.explain(run.at(1)).to_html(run, image=(2, 2))

    def test_what_they_hold_can_not_leave_its_place(self):
        run = run_of()
        name = "</script><script>alert(1)</script>"
        page = cr.explain(run.at(1)).to_html(run, title=name, inputs=[name, "&amp;"])
        assert "<script>alert" not in page
        assert document_of(page)["network"]["inputs"] == [name, "&amp;"]

    def test_ones_own_notation_is_on_the_page(self):
        mine = cr.Notation("mine", "my lectures", {"activations": "h_{j}^{l}"})
        document = document_of(cr.explain(run_of().at(1), notation=mine).to_html())
        jsonschema.validate(document, SCHEMA)
        assert document["shown"]["notation"] == document["notations"][0]["name"] == "mine"
        assert document["notations"][0]["symbols"]["activations"] == "h_{j}^{l}"


def test_rounded_lines_have_no_page():
    with pytest.raises(ValueError, match="leave decimals out"):
        cr.explain(run_of().at(1), layer=0, decimals=3).to_html()


def test_nothing_comes_from_elsewhere():
    page = pages.small()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page)
