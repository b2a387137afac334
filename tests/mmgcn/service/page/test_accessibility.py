"""Accessibility of every view, by axe; width and colour schemes."""

import shutil
from pathlib import Path

import pytest

from mmgcn.run import Run
from mmgcn.serving.item_map import map_channels, store_map
from tests.mmgcn.service.page.actions import go
from tests.runs import write_run_folder
from tests.services import skip_without

AXE = Path(__file__).parents[3] / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = {
    "home": "",
    "new": "#/new?item=clip-007&item=clip-020&list=1",
    "user": "#/user/u0",
    "explanation": "#/user/u0?why=clip-015",
    "unknown": "#/user/nobody",
    "feed": "#/feed/u0",
    "weights": "#/weights/u0?weight=visual%3A0",
    "comparison": "#/compare/u0",
    "video": "#/video/clip-020?for=u0&by=acoustic",
    "map": "#/map?user=u0",
    "status": "#/status",
    "data": "#/data",
    "health": "#/health",
}
SCREENS = ((1440, "light"), (1280, "dark"), (390, "light"), (390, "dark"))


@pytest.fixture(scope="module")
def axe():
    if not AXE.is_file():
        skip_without("no axe-core here: npm ci in tests/javascript")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(service):
    """The run has maps, and there is another run in its folder."""
    run = Run.load(service.settings.run)
    for channel in map_channels(run):
        store_map(run, channel)
    names = run.items.ids.to_list()
    second = service.settings.run.with_name("second")
    write_run_folder(second, names, num_users=5)
    yield
    shutil.rmtree(second)


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_has_a_finding_above_minor_or_scrolls_sideways(page, service, axe, whole, view):
    page.emulate_media(reduced_motion="reduce")
    go(page, service.address + VIEWS[view])
    page.evaluate(axe)
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        serious = [
            (rule["id"], rule["impact"], node["html"][:200], node["failureSummary"])
            for rule in found["violations"]
            for node in rule["nodes"][:3]
            if rule["impact"] != "minor"
        ]
        assert not serious, f"{view} at {width} px, {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
