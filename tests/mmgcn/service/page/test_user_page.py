"""The page of a user: its wall, explanations and settings."""

from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest

from tests.mmgcn.service.conftest import write_small_run
from tests.mmgcn.service.page.actions import cards, focused, go, open_user, see_user, until
from tests.mmgcn.service.page.demo_service import HOSTILE, NAMES, running


def test_a_card_plays_under_the_pointer_and_stops_when_it_leaves(page, service):
    open_user(page, "u5")  # whom no other test plays anything for
    card = page.locator(".card:not([data-item=gone]) .stage").first
    assert page.locator("video").count() == 0  # no video is loaded before it plays
    card.hover()
    until(
        lambda: page.evaluate("document.querySelector('.stage.playing video')?.currentTime > 0.3")
    )
    assert card.locator("video").evaluate("video => video.muted && video.preload === 'none'")
    page.locator("h1").hover()
    until(lambda: page.evaluate("document.querySelector('.stage video').paused"))
    until(lambda: service.plays("u5"))
    ((_, seconds),) = service.plays("u5")
    assert 0.3 <= seconds < 60


def test_arrow_keys_move_on_the_wall_and_enter_opens_a_video(page):
    open_user(page)
    stages = page.locator(".wall .stage")
    stages.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert stages.nth(1).evaluate("stage => stage === document.activeElement")
    assert stages.nth(1).evaluate("stage => getComputedStyle(stage).outlineStyle") == "solid"
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert stages.nth(0).evaluate("stage => stage === document.activeElement")
    page.keyboard.press("w")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert stages.nth(0).evaluate("stage => stage === document.activeElement")
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="visual").wait_for()


def test_why_shows_parts_that_add_up_and_the_most_similar_watched_videos(page):
    open_user(page)
    page.get_by_role("button", name="Why").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".parts tbody tr").first.wait_for()
    texts = dialog.locator(".parts .number").all_text_contents()
    *parts, score = [float(text.replace("−", "-")) for text in texts]
    assert sum(parts) == pytest.approx(score, abs=0.002)
    assert dialog.locator(".parts tbody th").all_text_contents() == ["visual", "acoustic"]
    bars = dialog.locator(".bar").evaluate_all("bars => bars.map((bar) => bar.offsetWidth)")
    assert np.argmax(bars) == np.argmax(np.abs(parts))
    assert dialog.get_by_role("region", name="Similar by visual").locator(".thumb").count() == 2


def test_why_says_which_channels_a_video_lacks(page):
    def without_caption(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"missing": ["textual"]})

    page.route("**/v1/explain?*", without_caption)
    open_user(page)
    page.get_by_role("button", name="Why").first.click()
    row = page.get_by_role("dialog").get_by_role("row", name="textual no caption")
    row.wait_for()
    assert row.locator(".bar").count() == 0


def test_going_back_closes_an_explanation_and_its_address_opens_it(page, service):
    open_user(page)
    item = cards(page).nth(2).get_attribute("data-item")
    page.get_by_role("button", name="Why").nth(2).click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".parts").wait_for()
    address = page.url
    page.go_back()
    dialog.wait_for(state="detached")
    see_user(page)
    go(page, address)
    dialog.locator(".parts").wait_for()
    assert f"why={item}" in address
    page.get_by_role("button", name="Close").click()
    dialog.wait_for(state="detached")
    see_user(page)
    assert page.url == f"{service.address}#/user/u0"


def test_the_newest_watched_video_is_the_first(page):
    open_user(page)
    watched = page.get_by_role("list", name="Watched videos")
    hrefs = watched.locator("a").evaluate_all("links => links.map((link) => link.hash)")
    assert hrefs == [f"#/video/{NAMES[item]}?for=u0" for item in (2, 1)]


def test_a_long_history_is_shown_on_demand(page):
    page.route("**/v1/users/u0", lambda route: route.continue_(url=f"{route.request.url}?limit=1"))
    open_user(page)
    watched = page.get_by_role("list", name="Watched videos").locator(".thumb")
    assert watched.count() == 1
    page.get_by_role("button", name="Show all 2").click()
    watched.nth(1).wait_for()
    assert watched.nth(1).evaluate("thumb => thumb === document.activeElement")
    assert page.get_by_role("button", name="Show all").count() == 0


def test_the_frames_of_a_video_play_under_the_pointer(page):
    open_user(page)
    box = page.get_by_role("list", name="Watched videos").locator("a[title='A ball'] .image")
    box.hover()
    frames = box.locator(".sprite")
    frames.wait_for()
    # Eight frames of 16:9 cover a box of 9:16.
    size = """frames => [
      frames.clientWidth / frames.clientHeight,
      frames.clientHeight / frames.parentElement.clientHeight,
    ]"""
    assert frames.evaluate(size) == pytest.approx([16 / 9, 1], rel=0.05)
    assert frames.evaluate("frames => frames.getAnimations().length") == 1
    page.locator("h1").hover()
    frames.wait_for(state="detached")


def test_users_whose_ids_are_dots_have_pages(page, service, tmp_path):
    users = [".", "..", "a/b?c#d", "x" * 200]
    run = write_small_run(tmp_path / "run", users=users)
    with running(replace(service.settings, run=run)) as address:
        for user in users:
            go(page, f"{address}#/user/{quote(user, safe='')}")
            see_user(page, user)
            assert cards(page).count() > 0
        page.goto("about:blank")


def test_a_setting_of_the_list_keeps_the_scroll_position(page, service):
    page.set_viewport_size({"width": 320, "height": 500})
    go(page, f"{service.address}#/user/u0")
    slider = page.get_by_role("slider", name="Diversity")
    slider.focus()
    page.evaluate("scrollBy(0, 100)")
    before = page.evaluate("scrollY")
    for key, diversity in (("ArrowRight", "0.2"), ("ArrowRight", "0.4"), ("ArrowLeft", "0.2")):
        page.evaluate("document.querySelector('main h1').className = 'old'")
        page.keyboard.press(key)
        page.locator("main h1:not(.old)").wait_for()
        assert slider.input_value() == diversity
        assert slider.evaluate("slider => slider === document.activeElement")
        assert page.evaluate("scrollY") == before > 0
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    assert page.evaluate("scrollY") == 0


def test_a_hostile_caption_is_text(page):
    page.evaluate("location.hash = '#/video/clip-003?for=u0'")
    page.get_by_role("heading", name=HOSTILE).wait_for()
    open_user(page)
    page.locator("[data-item=clip-003] .why").click()
    page.locator(".parts").wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "User u0 · mmgcn"


def test_with_reduced_motion_only_a_key_plays(page):
    page.emulate_media(reduced_motion="reduce")
    open_user(page)
    stage = page.locator(".card:not([data-item=gone]) .stage").first
    stage.hover()
    stage.focus()
    assert page.locator("video").count() == 0
    stage.press(" ")
    page.locator(".stage.playing").wait_for()
    stage.press(" ")
    page.locator(".stage.playing").wait_for(state="detached")
    page.emulate_media(reduced_motion="no-preference")


def test_going_back_leads_to_the_same_card(page):
    open_user(page)
    page.locator(".wall .stage").nth(3).focus()
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="visual").wait_for()
    page.go_back()
    see_user(page)
    assert focused(page) == cards(page).nth(3).get_attribute("data-item")
