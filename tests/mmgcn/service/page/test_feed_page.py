"""The feed: one video at a time, full screen."""

from urllib.parse import quote

import pytest

from tests.mmgcn.service.page.actions import address, go, ids, keep_toasts, pressed, see_user, until

CURRENT = ".slide:not([inert])"


@pytest.fixture
def feed(page, service):
    go(page, f"{service.address}#/feed/u0")
    page.locator(CURRENT).wait_for()
    return page


def current(page):
    return page.locator(CURRENT).get_attribute("data-item")


def order(page):
    return ids(page.locator(".slide"))


def test_keys_move_and_the_next_video_is_loaded_before(feed):
    first, second, third, *_ = order(feed)
    assert current(feed) == first
    loaded = feed.locator(".slide:has(video)")
    assert set(ids(loaded)) <= {first, second}
    feed.keyboard.press("ArrowDown")
    until(lambda: current(feed) == second)
    until(lambda: address(feed).endswith(f"#/feed/u0?at={quote(second)}"))
    assert set(ids(loaded)) <= {second, third}
    feed.keyboard.press("k")
    until(lambda: current(feed) == first)
    feed.keyboard.press("End")
    until(lambda: current(feed) == order(feed)[-1])
    feed.keyboard.press("Escape")
    see_user(feed)


def test_a_swipe_moves_on(feed):
    first, second, *_ = order(feed)
    feed.locator(".feed").evaluate("list => list.scrollBy(0, list.clientHeight)")
    until(lambda: current(feed) == second)
    feed.locator(".feed").evaluate("list => list.scrollBy(0, -list.clientHeight)")
    until(lambda: current(feed) == first)


def test_a_tap_unmutes_and_the_next_one_pauses(page, service):
    go(page, f"{service.address}#/feed/u0?at=clip-020")
    video = page.locator(".slide[data-item=clip-020] video")
    until(lambda: video.evaluate("video => video.currentTime > 0.1 && video.muted"))
    page.locator(CURRENT).get_by_text("Tap for sound").wait_for()
    stage = page.locator(".slide[data-item=clip-020] .reel")
    stage.click()
    until(lambda: video.evaluate("video => !video.muted && !video.paused"))
    assert pressed(page.locator(CURRENT).get_by_role("button", name="Sound"))
    assert page.get_by_text("Tap for sound").count() == 0
    stage.click()
    until(lambda: video.evaluate("video => video.paused"))
    page.keyboard.press(" ")
    until(lambda: video.evaluate("video => !video.paused"))
    page.keyboard.press("m")
    assert video.evaluate("video => video.muted")
    page.keyboard.press("Escape")
    until(lambda: any(item == "clip-020" and s > 0 for item, s in service.plays("u0")))


def test_a_skip_moves_on_and_can_be_undone(feed, service):
    keep_toasts(feed)
    first, second, *rest = order(feed)
    feed.keyboard.press("s")
    until(lambda: current(feed) == second)
    assert order(feed) == [second, *rest]
    until(lambda: service.preferences() == [(first, "skip")])
    feed.get_by_role("button", name="Undo").click()
    until(lambda: current(feed) == first)
    until(lambda: service.preferences() == [(first, "skip"), (first, "unskip")])
    go(feed, f"{service.address}#/feed/u0")
    until(lambda: order(feed) == [first, second, *rest])


def test_a_like_and_an_explanation_by_key(feed, service):
    item = current(feed)
    feed.keyboard.press("l")
    until(lambda: service.preferences() == [(item, "like")])
    feed.keyboard.press("w")
    feed.get_by_role("dialog").locator(".parts").wait_for()
    feed.go_back()
    feed.get_by_role("dialog").wait_for(state="detached")
    assert current(feed) == item


def test_a_video_of_the_feed_leads_to_similar_ones_by_one_modality(feed):
    item = current(feed)
    feed.locator(CURRENT).get_by_role("link", name="sound").click()
    feed.get_by_role("tab", name="acoustic", selected=True).wait_for()
    assert f"#/video/{quote(item)}?for=u0&by=acoustic" in address(feed)
    assert feed.evaluate("getComputedStyle(document.body).overflow") != "hidden"


def test_a_new_user_has_a_feed_as_well(page, service):
    go(page, f"{service.address}#/feed?item=clip-007&item=clip-020")
    page.locator(CURRENT).wait_for()
    assert not {"clip-007", "clip-020"} & set(order(page))
    page.keyboard.press("w")
    page.get_by_role("dialog").get_by_text("Most similar selected videos").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("link", name="Close").click()
    page.get_by_role("list", name="Recommended for you").wait_for()


def test_with_reduced_motion_a_video_of_the_feed_waits_for_a_key(page, service):
    page.emulate_media(reduced_motion="reduce")
    go(page, f"{service.address}#/feed/u0?at=clip-020")
    video = page.locator(".slide[data-item=clip-020] video")
    video.wait_for(state="attached")
    assert video.evaluate("video => video.paused")
    page.keyboard.press(" ")
    until(lambda: video.evaluate("video => video.currentTime > 0"))
