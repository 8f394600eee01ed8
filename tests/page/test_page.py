"""The page as a person uses it: with a mouse, with keys alone, with a pencil, on paper."""

import re

import pages
import pytest


@pytest.fixture
def small(opened):
    return opened(pages.small())


def title(page):
    return page.locator("#stop").inner_text()


def number_of(page, address):
    """The number of a quantity, as the picture writes it."""
    return page.locator(f'#drawing text[data-of="{address}"]').first.text_content()


class TestStepping:
    def test_through_the_whole_step_and_back(self, small):
        seen = [title(small)]
        for _ in range(20):
            small.get_by_role("button", name="Next →").click()
            if title(small) == seen[-1]:
                break
            seen.append(title(small))
        phases = list(dict.fromkeys(one.split(",")[0] for one in seen))
        assert phases == ["Forward", "Loss", "Backward", "Update"]
        assert len(seen) == 3 + 1 + 3 + 3
        for expected in reversed(seen[:-1]):
            small.get_by_role("button", name="← Back").click()
            assert title(small) == expected

    def test_by_layer(self, small):
        small.get_by_label("by").select_option("layer")
        small.keyboard.press("Tab")
        seen = []
        for _ in range(7):
            seen.append(title(small))
            small.get_by_role("button", name="Next →").click()
        assert seen == [
            "Forward, layer 0", "Forward, layer 1", "Loss", "Backward, layer 1",
            "Backward, layer 0", "Update, layer 1", "Update, layer 0",
        ]  # fmt: skip

    def test_term_by_term(self, small):
        small.get_by_label("by").select_option("term")
        seen = []
        for _ in range(5):
            small.get_by_role("button", name="Next →").click()
            term = small.locator(".term small")
            seen.append(term.inner_text() if term.count() else "")
        assert [one[:11] for one in seen] == ["term 1 of 3", "term 2 of 3", "term 3 of 3", "", ""]
        sums = [float(one.rsplit(" ", 1)[1]) for one in seen[:3]]
        assert sums[2] == pytest.approx(float(_result(small, "pre_activations[0][0, 0]")), rel=1e-5)

    def test_phases(self, small):
        for phase in ("Update", "Backward", "Loss", "Forward"):
            button = small.get_by_role("button", name=phase, exact=True)
            button.click()
            assert title(small).startswith(phase)
            assert button.get_attribute("aria-current") == "step"


def _result(page, address):
    """The number at the end of the line that makes a quantity."""
    last = page.locator(f'[data-made="{address}"] .number').last
    return last.text_content().replace("−", "-")


class TestPicking:
    def test_a_neuron_and_a_weight(self, small):
        small.locator('[data-unit="2,0"]').click()
        assert title(small) == "Forward, layer 1, neuron 0"
        small.locator('#drawing line.reach[data-of="weights[0][1, 0]"]').click(force=True)
        assert title(small) == "Update, layer 0, neuron 0, weight from unit 1"
        assert small.locator('[data-made="new_weights[0][1, 0]"]').is_visible()

    def test_an_input_goes_to_a_weight_from_it(self, small):
        small.locator('[data-unit="0,1"]').click()
        assert title(small) == "Update, layer 0, neuron 0, weight from unit 1"

    def test_every_unit_of_a_large_network_can_be_reached(self, opened):
        page = opened(pages.pictures())
        page.locator("#pick-layer").select_option("0")
        page.locator("#pick-unit").fill("17")
        page.locator("#pick-from").fill("300")
        page.get_by_role("button", name="Weight", exact=True).click()
        assert title(page) == "Update, layer 0, neuron 17, weight from unit 300"
        assert page.locator('[data-unit="1,17"]').count() == 1
        assert page.locator('[data-unit="0,300"]').count() == 1

    def test_a_pixel_is_an_input(self, opened):
        page = opened(pages.pictures())
        assert page.locator(".pixel").count() == 784
        page.locator('.pixel[data-of="activations[0][0, 400]"]').click()
        assert title(page).endswith("weight from unit 400")

    def test_hovering_lights_wire_cell_and_line(self, small):
        small.locator('#tables [data-of="weights[0][0, 0]"]').hover()
        lit = small.locator('.lit[data-of="weights[0][0, 0]"]')
        kinds = {lit.nth(n).evaluate("e => e.tagName.toLowerCase()") for n in range(lit.count())}
        assert {"line", "text", "td", "mrow"} <= kinds
        small.locator('#drawing text[data-of="activations[1][0, 0]"]').hover()
        assert "lit" in small.locator('[data-made="activations[1][0, 0]"]').get_attribute("class")

    def test_another_row_another_step(self, small):
        before = small.locator("#verdict").inner_text()
        small.locator("#sample").select_option("1")
        assert small.locator("#verdict").inner_text() != before
        small.get_by_role("button", name="step 102").click()
        assert small.locator("h1").inner_text() == "Step 102 of 600: XOR"

    def test_the_notation_and_the_digits_change_in_place(self, small):
        assert "z" in small.locator(".line").first.text_content()
        small.get_by_label("notation").select_option("mazur")
        assert "net" in small.locator(".line").first.text_content()
        small.get_by_label("digits").select_option("3")
        assert len(_result(small, "pre_activations[0][0, 0]")) < 7


class TestChanging:
    def test_everything_behind_a_weight_follows(self, small):
        before = {key: number_of(small, key) for key in (
            "activations[1][0, 0]", "activations[1][0, 1]", "activations[2][0, 0]")}  # fmt: skip
        small.locator("#edits input[type=number]").nth(1).fill("3")
        small.keyboard.press("Tab")
        after = {key: number_of(small, key) for key in before}
        changed = [before[key] != after[key] for key in before]
        assert changed == [True, False, True]
        assert "Computed in this page, in float64" in small.locator("#origin").inner_text()
        assert "→" in small.locator("#effect").inner_text()
        small.get_by_role("button", name="Undo changes").click()
        assert {key: number_of(small, key) for key in before} == before
        assert small.locator("#origin").inner_text().startswith("The engine's numbers")

    def test_the_slider_moves_it_while_it_is_drawn(self, small):
        slider = small.locator("#edits input[type=range]").first
        slider.focus()
        before = number_of(small, "weights[0][0, 0]")
        for _ in range(3):
            small.keyboard.press("ArrowRight")
        assert slider.evaluate("e => e === document.activeElement")
        assert number_of(small, "weights[0][0, 0]") != before

    def test_taking_the_step_is_what_the_engine_did(self, small):
        small.get_by_role("button", name="Take the step").click()
        assert small.locator("h1").inner_text().startswith("Step 101 of 600")
        loss = "() => chainrule.page.step.number('loss')"
        computed = small.evaluate(loss)
        small.get_by_role("button", name="step 101").click()
        assert computed == pytest.approx(small.evaluate(loss), rel=1e-12)

    def test_finite_differences(self, small):
        small.locator('#drawing line.reach[data-of="weights[0][1, 0]"]').click(force=True)
        small.get_by_role("button", name="Check by finite differences").click()
        said = small.locator("#checked").inner_text()
        apart = float(re.search(r"differ by (\S+) of", said)[1])
        assert apart < 1e-6, said


class TestScaledNotations:
    """Negnevitsky's thresholds are biases of the other sign, Hagan's loss is twice ours."""

    def test_controls_have_the_notations_numbers(self, small):
        control = small.locator("#edits input[type=number]").nth(1)
        bias = float(control.input_value())
        small.get_by_label("notation").select_option("negnevitsky")
        assert float(control.input_value()) == -bias
        control.fill("0.75")
        small.keyboard.press("Tab")
        assert small.evaluate("chainrule.page.step.number('biases', 0, [0])") == -0.75
        assert float(_result(small, "pre_activations[0][0, 0]")) == pytest.approx(
            small.evaluate("chainrule.page.step.number('pre_activations', 0, [0, 0])"), rel=1e-5
        )

    def test_finite_differences_agree_in_them(self, small):
        for notation in ("negnevitsky", "hagan"):
            small.get_by_label("notation").select_option(notation)
            small.get_by_role("button", name="Check by finite differences").click()
            said = small.locator("#checked").inner_text()
            assert float(re.search(r"differ by (\S+) of", said)[1]) < 1e-6

    def test_the_loss_is_the_same_everywhere(self, small):
        small.get_by_label("notation").select_option("hagan")
        shown = number_of(small, "sample_losses[0]")
        assert f"loss {shown}." in small.locator("#verdict").inner_text()


class TestPlane:
    def test_two_inputs_are_drawn_in_the_plane(self, small):
        assert small.locator("#map rect").count() == 26 * 26
        assert small.locator("#map circle.dot:not(#map .key *)").count() == 4

    def test_its_colours_are_what_the_network_says_there(self, small):
        """Of the four corners of XOR, beside whose dots the plane is painted."""
        said = small.evaluate("""() => {
          const {step, sample} = chainrule.page;
          const at = (x, axis) => ['of', 'activations', 0, [sample, axis], ''];
          return [[0, 0], [0, 1], [1, 0], [1, 1]].map(([x, y]) =>
            step.changed(at(x, 0), x).changed(at(y, 1), y).number('activations', 2, [sample, 0]));
        }""")
        net, X = pages.small_network(), [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
        assert said == pytest.approx(net.forward(X)[:, 0].tolist(), rel=1e-12)

    def test_it_follows_a_change(self, small):
        paint = "() => document.querySelector('#map svg').outerHTML"
        before = small.evaluate(paint)
        small.locator("#edits input[type=number]").first.fill("4")
        small.keyboard.press("Tab")
        assert small.evaluate(paint) != before

    def test_other_networks_have_none(self, opened):
        assert not opened(pages.classifier()).locator("#plane").is_visible()


class TestLearning:
    def test_results_are_hidden_until_they_are_right(self, small):
        answer = float(_result(small, "pre_activations[0][0, 0]"))
        small.get_by_label("predict first").check()
        line = small.locator('[data-made="pre_activations[0][0, 0]"]')
        assert line.locator(".number").count() == 0
        assert number_of(small, "activations[1][0, 0]") == "?"
        line.locator("input").fill(str(-answer))
        line.get_by_role("button", name="Check").click()
        assert "sign" in line.get_by_role("status").inner_text()
        line.get_by_role("button", name="Hint").click()
        assert line.locator("form .number").count() >= 4
        line.locator("input").fill(f"{answer:.3g}")
        small.keyboard.press("Enter")
        assert float(_result(small, "pre_activations[0][0, 0]")) == pytest.approx(answer)
        assert small.locator("#score").inner_text() == "1 of 2 right"

    def test_nothing_is_said_that_is_hidden(self, small):
        small.get_by_label("predict first").check()
        names = small.locator("#drawing [data-unit]").evaluate_all(
            "units => units.map((unit) => unit.getAttribute('aria-label'))"
        )
        assert [name.endswith(": hidden") for name in names] == [False] * 2 + [True] * 4

    def test_a_result_can_be_revealed(self, small):
        small.get_by_label("predict first").check()
        small.get_by_role("button", name="Reveal").last.click()
        assert number_of(small, "activations[1][0, 0]") != "?"

    def test_each_stop_is_said_in_words(self, small):
        assert small.locator("#spoken").inner_text().startswith("In words: a 0 of 0 equals 1 over")


class TestKeysAlone:
    def test_arrows_step(self, small):
        first = title(small)
        small.keyboard.press("ArrowRight")
        assert title(small) != first
        small.keyboard.press("ArrowLeft")
        assert title(small) == first

    def test_in_the_picture_arrows_go_from_unit_to_unit(self, small):
        small.locator('#drawing [tabindex="0"]').focus()
        small.keyboard.press("ArrowDown")
        small.keyboard.press("ArrowRight")
        small.keyboard.press("Enter")
        assert title(small) == "Forward, layer 1, neuron 0"
        assert small.evaluate("document.activeElement.dataset.unit") == "2,0"

    def test_everything_can_be_reached_by_tab(self, small):
        reached = set()
        for _ in range(80):
            small.keyboard.press("Tab")
            reached.add(
                small.evaluate("document.activeElement.id || document.activeElement.tagName")
            )
        wanted = {"notation", "digits", "sample", "learning", "back", "grain", "next", "take",
                  "check", "pick-layer", "pick-unit", "pick-from", "phase-forward"}  # fmt: skip
        assert wanted <= reached


def test_it_has_a_page_a_phase_on_paper(small, tmp_path):
    small.pdf(path=tmp_path / "step.pdf")
    small.emulate_media(media="print")
    headings = small.locator("#print h2").all_inner_texts()
    assert headings == ["Forward", "Loss", "Backward", "Update"]
    assert not small.locator("main").is_visible()
    breaks = "e => getComputedStyle(e).breakBefore"
    assert [small.locator("#print section").nth(n).evaluate(breaks) for n in range(4)] == [
        "auto", "page", "page", "page",
    ]  # fmt: skip
    assert (tmp_path / "step.pdf").read_bytes().count(b"/Type /Page\n") >= 4


def test_it_works_in_the_frame_of_a_notebook(opened):
    import chainrule as cr

    trace = cr.Network([2, 2, 1], seed=0).trace([[1.0, 2.0]], [0.5])
    frame = cr.explain(trace, row=0)._repr_html_()
    page = opened(f"<!doctype html><title>notebook</title><body>{frame}</body>")
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name="Loss", exact=True).click()
    assert inside.locator("#stop").inner_text() == "Loss"


def test_without_javascript_the_equations_are_there(opened):
    page = opened(pages.small(), java_script_enabled=False)
    assert page.locator("noscript math, main math").count() > 5
