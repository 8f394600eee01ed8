"""Worksheets and the gallery in the browser: accessible, in light and dark, on a phone."""

import pytest
from test_looks import audit

from chainrule.explain.gallery.pages import gallery_pages
from chainrule.explain.worksheets.formats import FORMATS
from chainrule.explain.worksheets.networks import Wanted
from chainrule.explain.worksheets.sheet import worksheet

PAPERS = {
    "worksheet": lambda: FORMATS["html"](worksheet(Wanted([2, 1]), count=1), True),
    "example": lambda: dict(gallery_pages(["han"]))["han.html"],
    "index": lambda: dict(gallery_pages(["han", "hagan"]))["index.html"],
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAPERS)
def test_they_are_accessible_and_fit(opened, name, scheme):
    page = opened(PAPERS[name](), color_scheme=scheme, bypass_csp=True,
                  viewport={"width": 360, "height": 800})  # fmt: skip
    assert not audit(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", ["mazur", "ai_by_hand", "iamtrask", "negnevitsky"])
def test_the_step_of_an_example_opens_in_its_notation(opened, name):
    from chainrule.explain.gallery.examples import example_named
    from chainrule.explain.gallery.pages import step_page
    from chainrule.explain.gallery.reckoning import Reckoning

    example = example_named(name)
    page = opened(step_page(Reckoning(example)))
    for phase in page.locator("#phases button").all():
        phase.click()
    assert page.locator("#notation").input_value() == example.notation.name
    assert example.source in page.locator("h1").inner_text()
