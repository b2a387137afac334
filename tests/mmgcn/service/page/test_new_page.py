"""The page of a new user."""

import pytest

from tests.mmgcn.service.page.actions import address, cards, go, ids, until
from tests.mmgcn.service.page.demo_service import NAMES


@pytest.fixture
def new_page(page):
    page.get_by_role("link", name="Try it yourself").click()
    page.get_by_role("heading", name="Try it yourself").wait_for()
    return page


def test_a_new_user_gets_a_list_from_selected_videos(new_page):
    new_page.locator(".wall .stage").nth(0).click()
    new_page.locator(".wall .stage").nth(1).press(" ")
    new_page.get_by_role("button", name="Show recommendations").click()
    wall = new_page.get_by_role("list", name="Recommended for you")
    wall.wait_for()
    assert wall.locator(".card").count() == len(NAMES) - 2


def test_the_list_of_a_new_user_is_kept_on_back_and_can_be_shared(page, service):
    go(page, f"{service.address}#/new")
    for item in ("clip-007", "clip-020"):
        page.locator(f"[data-item='{item}'] .stage").click()
    page.get_by_role("button", name="Show recommendations").click()
    wall = page.get_by_role("list", name="Recommended for you")
    wall.wait_for()
    until(lambda: address(page).endswith("#/new?item=clip-007&item=clip-020&list=1"))
    shared, found = page.url, ids(wall.locator(".card"))
    wall.get_by_role("button", name="Why").first.click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("table", name="How each signal affects the score").wait_for()
    sheet.get_by_text("Most similar selected videos").wait_for()
    page.keyboard.press("Escape")
    sheet.wait_for(state="detached")
    wall.locator(".stage").first.click()
    page.get_by_role("tab", name="visual").wait_for()
    page.go_back()
    wall.wait_for()
    assert ids(wall.locator(".card")) == found
    go(page, shared)
    assert ids(wall.locator(".card")) == found
    assert page.get_by_role("region", name="Selected videos").locator(".thumb").count() == 2


def test_items_of_a_shared_list_that_this_run_lacks_are_named(page, service):
    go(page, f"{service.address}#/new?item=clip-007&item=clip-999")
    page.get_by_text("Not in this run: clip-999").wait_for()
    assert page.get_by_role("region", name="Selected videos").locator(".thumb").count() == 1
    assert cards(page).count() == len(NAMES)


def test_videos_are_found_by_words_of_their_caption_in_any_case(new_page):
    box = new_page.get_by_role("searchbox", name="Search videos")
    for text, found in (("SEA", ["море"]), ("МОР", ["море"]), ("a ball", ["clip-007"])):
        box.fill(text)
        until(lambda found=found: ids(cards(new_page)) == found)
    until(lambda: address(new_page).endswith("#/new?query=a+ball"))
    new_page.get_by_label("Filter by modality").select_option("With visual")
    until(lambda: address(new_page).endswith("#/new?query=a+ball&modality=visual"))
    new_page.reload()
    until(lambda: ids(cards(new_page)) == ["clip-007"])
    assert (box.input_value(), new_page.get_by_label("Filter by modality").input_value()) == (
        "a ball",
        "visual",
    )
    box.fill("no such words")
    new_page.get_by_text("No video contains these words.").wait_for()


def test_videos_are_filtered_and_shown_page_by_page(new_page):
    new_page.route(
        "**/v1/items*limit=48*",
        lambda route: route.continue_(url=route.request.url.replace("limit=48", "limit=3")),
    )
    new_page.get_by_label("Filter by group").select_option("cold")
    until(lambda: ids(cards(new_page)) == NAMES[:1])  # the only one without interactions
    new_page.get_by_label("Filter by group").select_option("All videos")
    until(lambda: ids(cards(new_page)) == NAMES[:3])
    for shown in (NAMES[:6], NAMES):
        new_page.get_by_role("button", name="Show more").click()
        until(lambda shown=shown: ids(cards(new_page)) == shown)
    assert new_page.get_by_role("button", name="Show more").count() == 0
