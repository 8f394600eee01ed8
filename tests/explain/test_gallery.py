"""The gallery: each printed number is the exact one, or it is said why it isn't, and shown."""

import math
import xml.etree.ElementTree as ET

import pytest

from chainrule.explain.gallery.examples import example_named
from chainrule.explain.gallery.examples import examples as all_examples
from chainrule.explain.gallery.pages import gallery_pages, in_words, verdicts

NAMES = list(all_examples())


@pytest.fixture(scope="module")
def found():
    """The verdicts on all examples, reckoned once."""
    return {name: verdicts(example)[1] for name, example in all_examples().items()}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_as_printed_or_it_is_said_why(found, name):
    for one in found[name]:
        assert one.agrees != bool(one.printed.why), (one.printed.name, one.exact, one.printed.text)


@pytest.mark.parametrize("name", NAMES)
def test_the_reason_gives_the_printed_number(found, name):
    """What a source did instead is done, and gives what it prints."""
    for one in found[name]:
        if one.as_printed is not None:
            assert one.printed.agrees(one.as_printed), (one.printed.name, one.as_printed)


def test_most_errata_are_reckoned_and_not_told(found):
    told = [one.printed.name for of in found.values() for one in of
            if one.printed.why and one.as_printed is None]  # fmt: skip
    assert told == [
        "δ of the bottom unit", "B to the bottom unit, after", "epochs until Σe² < 0.001",
    ]  # fmt: skip


def test_what_the_project_tells_of_famous_examples(found):
    """The figures that are quoted elsewhere."""
    after = next(one for one in found["mazur"] if one.printed.name == "E after one step")
    assert (after.printed.text, round(after.exact, 12)) == ("0.291027924", 0.291027773694)
    epochs = found["negnevitsky"][-1]
    assert epochs.printed.text == "224"
    assert 56_350 <= epochs.exact <= 56_363
    assert sum(not one.agrees for one in found["ai_by_hand"]) == 14
    assert in_words(found["hagan"]) == "13 numbers, all right"
    assert in_words(found["victorzhou"]) == "6 numbers, of which 2 differ"


def numbers_in(value):
    """Every number of a piece of JSON, as text."""
    if isinstance(value, dict):
        return [n for one in value.values() for n in numbers_in(one)]
    if isinstance(value, list):
        return [n for one in value for n in numbers_in(one)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


PREFIXES = {
    "mazur_2_2_2": "mazur", "han_kamber_9_1": "han", "rgu_macleod_2_2_1": "macleod",
    "negnevitsky_xor_2_2_1": "negnevitsky", "hagan_nnd_1_2_1": "hagan",
    "ai_by_hand_backprop_4_3_4_3": "ai_by_hand",
    "ai_by_hand_mlp_forward_4_3_4_3_1": "ai_by_hand_forward", "hmkcode_linear_2_2_1": "hmkcode",
    "victorzhou_2_2_1": "victorzhou", "iamtrask_xor_3_4_1": "iamtrask",
}  # fmt: skip


def test_the_facts_are_those_that_were_collected(examples):
    """What each example begins with, where the collection is at hand."""
    for key, name in PREFIXES.items():
        example = example_named(name)
        carried = sorted({abs(n) for n in numbers_in([example.weights, example.biases, example.X])})
        given = examples[key].get("given")
        if given is None or name == "hagan":
            continue
        known = {abs(n) for n in numbers_in(given)} | {0}
        assert all(any(math.isclose(n, k) for k in known) for n in carried), name


def test_pages_are_whole_and_link_to_each_other():
    pages = dict(gallery_pages(["han", "hagan"]))
    assert set(pages) == {
        "index.html",
        "han.html",
        "han-step.html",
        "hagan.html",
        "hagan-step.html",
    }
    for name, text in pages.items():
        if name.endswith("-step.html"):
            continue
        body = ET.fromstring(text[text.index("<main>") : text.index("</main>") + 7])
        links = {link.get("href") for link in body.iter("a")}
        assert links
        assert links <= set(pages)
        assert "Err6" not in text or "0.1312" in text


def test_there_is_no_other():
    with pytest.raises(ValueError, match="did you mean 'mazur'"):
        example_named("mazzur")
