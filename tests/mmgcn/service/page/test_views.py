"""The other views of a user: facts, weights, two runs, the map, downloads and keys."""

import csv
import json
from itertools import cycle

import pytest

from mmgcn.run import Run
from mmgcn.serving.item_map import map_channels, store_map
from mmgcn.serving.user_facts import user_facts
from tests.mmgcn.service.page.actions import address, cards, go, ids, open_user, see_user, until
from tests.mmgcn.service.page.demo_service import NAMES
from tests.runs import write_run_folder


@pytest.fixture(scope="module")
def maps(service):
    """The maps of the run, computed before a page asks for them."""
    run = Run.load(service.settings.run)
    for channel in map_channels(run):
        store_map(run, channel)


def test_held_out_hits_are_marked_and_their_ranks_named(page, service):
    (item,) = user_facts(Run.load(service.settings.run), "u0").test
    open_user(page)
    marked = page.locator(".card.hit")
    assert ids(marked) == [item.item_id] == [NAMES[3]]
    assert marked.locator(".badge").text_content() == "held-out hit"
    facts = page.locator(".facts").inner_text()
    assert f"rank {item.rank} of {len(NAMES) - 2}" in facts
    assert f"rank {item.popular_rank}" in facts


def test_a_weight_re_ranks_at_once_and_is_in_the_address(page, service):
    go(page, f"{service.address}#/weights/u0")
    before = ids(cards(page))
    slider = page.get_by_role("slider", name="visual")
    slider.fill("0")
    until(lambda: address(page).endswith("#/weights/u0?weight=visual%3A0"))
    until(lambda: ids(cards(page)) != before)
    after = ids(cards(page))
    assert sorted(after) == sorted(before)
    first = page.locator(".card .moved").first.text_content()
    rank = before.index(after[0]) + 1
    assert first == ("same rank" if rank == 1 else f"▲ from rank {rank}")
    go(page, page.url)
    assert ids(cards(page)) == after
    assert slider.input_value() == "0"
    page.get_by_role("button", name="All equal").click()
    until(lambda: ids(cards(page)) == before)
    assert address(page).endswith("#/weights/u0")


def test_two_runs_are_shown_side_by_side(page, service):
    go(page, f"{service.address}#/compare/u0")
    page.get_by_text("There is no other finished run").wait_for()
    other = service.settings.run.with_name("other")
    write_run_folder(other, NAMES[:-1], num_users=5)
    go(page, f"{service.address}#/compare/u0")
    mine, theirs = (page.get_by_role("region", name=f"Run {name}") for name in ("run", "other"))
    assert mine.locator(".line").count() == len(NAMES) - 2
    assert theirs.locator(".line").count() == len(NAMES) - 3
    gone = mine.locator(".line").filter(has_text="gone")
    assert "not in the other" in gone.inner_text()
    badge = mine.get_by_text("held-out hit")
    assert badge.bounding_box()["height"] < 30  # a line of text
    assert page.get_by_role("combobox", name="The other run").input_value() == "other"


def test_arrow_keys_move_on_the_map_and_enter_opens_videos(page, service, maps):
    go(page, f"{service.address}#/map?user=u0")
    chart = page.get_by_role("application", name=f"Map of {len(NAMES)} videos by all signals")
    chart.press("ArrowRight")
    shown = page.locator(".map-card a")
    shown.wait_for()
    first, keys = shown.get_attribute("href"), cycle(["ArrowDown", "ArrowLeft", "ArrowUp"])
    until(lambda: chart.press(next(keys)) or shown.get_attribute("href") != first)
    for key in ("+", "-", "0", "Enter"):
        chart.press(key)
    page.get_by_role("tab", name="all signals").wait_for()
    assert "#/video/" in address(page)
    page.go_back()
    chart.wait_for()
    page.get_by_role("radio", name="popularity").check()
    assert address(page).endswith("#/map?user=u0&colour=popularity")
    page.get_by_role("link", name="visual", exact=True).click()
    page.get_by_role("application", name=f"Map of {len(NAMES)} videos by visual").wait_for()


def test_a_point_under_the_pointer_shows_its_poster(page, service, maps):
    go(page, f"{service.address}#/map")
    chart = page.get_by_role("application")
    chart.press("ArrowRight")
    page.locator(".map-card a").wait_for()
    chart.press("Escape")
    page.locator(".map-card").wait_for(state="hidden")
    box = chart.bounding_box()
    for x in range(10, int(box["width"]), 18):  # a sweep over the canvas
        for y in range(10, int(box["height"]), 18):
            page.mouse.move(box["x"] + x, box["y"] + y)
            if page.locator(".map-card").is_visible():
                page.locator(".map-card .image").wait_for()
                return
    pytest.fail("no point under the pointer")


def test_a_favourite_cluster_leads_to_the_map(page, service, maps):
    open_user(page)
    favourite = page.locator(".favourite").first
    colour = "mark => getComputedStyle(mark).backgroundColor"
    assert favourite.locator(".sample").evaluate(colour) != "rgba(0, 0, 0, 0)"
    favourite.click()
    page.get_by_role("link", name="All clusters").wait_for()
    assert "#/map?user=u0&cluster=" in address(page)


@pytest.mark.parametrize("suffix", ["CSV", "JSON"])
def test_a_list_is_downloaded(page, service, suffix):
    open_user(page)
    listed = ids(cards(page))
    with page.expect_download() as download:
        page.get_by_role("button", name=suffix).click()
    assert download.value.suggested_filename == f"user-u0.{suffix.lower()}"
    text = download.value.path().read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines())) if suffix == "CSV" else json.loads(text)
    assert [row["item_id"] for row in rows] == listed
    assert [int(row["rank"]) for row in rows] == list(range(1, len(listed) + 1))


def test_a_cell_of_a_download_is_never_a_formula(page):
    cell = """async () => {
      const { csv } = await import("./static/js/download.js");
      return csv([{ item_id: '=1+1', caption: 'a "quoted", one', rank: 1, score: -0.5 }]);
    }"""
    assert page.evaluate(cell) == (
        'rank,item_id,score,caption,creator\r\n1,"\'=1+1",-0.5,"a ""quoted"", one",\r\n'
    )


def test_a_question_mark_shows_the_keys_and_a_slash_searches(page):
    open_user(page)
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").get_by_text("restore the last skipped").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("/")
    page.keyboard.type("u1?")  # typed, not a key of the page
    assert page.locator("#search input").input_value() == "u1?"
    assert page.get_by_role("dialog").count() == 0
    see_user(page)
