"""How the page looks: accessible, no wider than the window; its pictures in the docs."""

import os
from pathlib import Path

import pages
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDTHS = (360, 768, 1280, 2560)


PHASES = ("Forward", "Loss", "Backward", "Update")


def audit(page, **options):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def go_to(page, phase):
    page.get_by_role("button", name=phase, exact=True).click()


@pytest.mark.parametrize("name", pages.PAGES)
def test_accessibility(opened, name):
    page = opened(pages.PAGES[name](), bypass_csp=True)
    for phase in PHASES if name == "small" else ("Update",):
        go_to(page, phase)
        assert not audit(page)
    page.get_by_label("predict first").check()
    assert not audit(page)


@pytest.mark.parametrize("name", pages.PAGES)
def test_contrast_in_the_dark(opened, name):
    page = opened(pages.PAGES[name](), color_scheme="dark", bypass_csp=True)
    page.get_by_label("predict first").check()
    for phase in ("Forward", "Update"):
        go_to(page, phase)
        assert not audit(page, runOnly=["color-contrast"])


@pytest.mark.parametrize("name", pages.PAGES)
def test_nothing_is_wider_than_the_window(opened, name):
    page = opened(pages.PAGES[name]())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for phase in PHASES:
            go_to(page, phase)
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
