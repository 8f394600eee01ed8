"""How the page looks: accessible, no wider than the window; its pictures in the docs."""

import os
from pathlib import Path

import pages
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDTHS = (360, 768, 1280, 2560)


def audit(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", pages.PAGES)
def test_accessibility(opened, name, scheme):
    page = opened(pages.PAGES[name](), color_scheme=scheme, bypass_csp=True)
    for phase in ("Forward", "Loss", "Backward", "Update"):
        page.get_by_role("button", name=phase, exact=True).click()
        assert not audit(page)
    page.get_by_label("predict first").check()
    assert not audit(page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", pages.PAGES)
def test_nothing_is_wider_than_the_window(opened, name, width):
    page = opened(pages.PAGES[name](), viewport={"width": width, "height": 800})
    for phase in ("Forward", "Loss", "Backward", "Update"):
        page.get_by_role("button", name=phase, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", pages.PAGES)
def test_it_is_small(name):
    assert len(pages.PAGES[name]().encode()) < 3_000_000


def test_motion_is_reduced_where_that_is_asked_for(opened):
    moving = "getComputedStyle(document.querySelector('.wire')).transitionDuration"
    assert opened(pages.small()).evaluate(moving) != "0s"
    assert opened(pages.small(), reduced_motion="reduce").evaluate(moving) == "0s"


@pytest.mark.skipif(
    "CHAINRULE_PICTURES" not in os.environ, reason="CHAINRULE_PICTURES=1 draws docs/"
)
@pytest.mark.parametrize("name", pages.PAGES)
def test_pictures_for_the_docs(opened, name):
    page = opened(pages.PAGES[name](), viewport={"width": 1280, "height": 860})
    if name == "classifier":
        page.get_by_role("button", name="Backward", exact=True).click()
    DOCS.mkdir(exist_ok=True)
    page.screenshot(path=DOCS / f"page-{name}.png")
