"""A headless Chromium, a service for it, and a window for each test."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.mmgcn.service.page.demo_service import DemoService, running
from tests.services import skip_without

# However slow a test is, the page waits for its requests until `expireTimeouts` is called.
TIMEOUTS = """
const controllers = [];
AbortSignal.timeout = () => {
  controllers.push(new AbortController());
  return controllers.at(-1).signal;
};
window.expireTimeouts = () => {
  for (const one of controllers.splice(0)) one.abort(new DOMException("", "TimeoutError"));
};
"""
# Tests act as u0 unless they say otherwise; about:blank has no storage.
ACTING = """
try { sessionStorage.getItem("mmgcn_acting") ?? sessionStorage.setItem("mmgcn_acting", "u0"); }
catch {}
"""


def pytest_collection_modifyitems(items):
    """Run a failed test of the page once more: on a busy machine a browser may be late."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")  # longer, its event loop would be in the way of other tests
def browser():
    path = shutil.which("chromium")
    if path is None:
        skip_without("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    service = DemoService(tmp_path_factory.mktemp("service"))
    with running(service.settings) as service.address:
        yield service


@pytest.fixture
def page(browser, service):
    """The page at its start, in a window of its own; errors of its scripts fail the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, color_scheme="light")
    context.set_default_timeout(120_000)
    context.add_init_script(TIMEOUTS)
    context.add_init_script(ACTING)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda line: errors.append(line.text) if "Content Security" in line.text else None,
    )
    page.goto(service.address)
    yield page
    page.goto("about:blank")  # flushes the feedback of this test
    context.close()
    service.forget()
    assert not errors
