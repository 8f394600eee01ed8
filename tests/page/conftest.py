"""A real browser, Debian's Chromium, which no network can be reached from."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium (tools/browser.sh)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens pages from files; whatever goes wrong in one, or leaves for the network, fails."""
    contexts, faults = [], []

    def open_page(html, **options):
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_offline(True)
        context.route("**/*", lambda route: _only(route, file, faults))
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{error}\n{error.stack}"))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def _only(route, file, faults):
    if route.request.url == file.as_uri():
        route.continue_()
    else:
        faults.append(f"asked for {route.request.url}")
        route.abort()
