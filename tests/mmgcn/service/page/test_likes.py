"""Likes on the page: shown at once, stored, cancelled."""

from tests.mmgcn.service.page.actions import (
    cards,
    focused,
    keep_toasts,
    open_user,
    pressed,
    see_user,
    until,
)
from tests.mmgcn.service.page.demo_service import NAMES


def test_a_like_is_shown_at_once_and_restored_where_it_could_not_be_stored(page, service):
    open_user(page)
    keep_toasts(page)
    like = page.locator(".like").first
    item = cards(page).first.get_attribute("data-item")
    with service.without_database():
        like.click()
        page.get_by_text("The like was not saved").wait_for()
        assert not pressed(like)
    page.get_by_role("button", name="Try again").click()
    until(lambda: service.preferences() == [(item, "like")])
    assert pressed(like)
    with service.without_database():
        like.click()
        page.get_by_text("The like was not undone").wait_for()
        assert pressed(like)
    page.get_by_role("button", name="Try again").click()
    until(lambda: service.preferences() == [(item, "like"), (item, "unlike")])
    assert not pressed(like)


def test_a_like_is_given_and_undone_with_the_keyboard(page, service):
    open_user(page)
    item = cards(page).first.get_attribute("data-item")
    page.locator(".wall .stage").first.focus()
    sent = []
    for kind in ("like", "unlike", "like"):
        page.keyboard.press("l")
        assert pressed(page.locator(".like").first) == (kind == "like")
        sent.append((item, kind))
        until(lambda: service.preferences() == sent)
    assert focused(page) == item


def test_a_like_that_is_cancelled_before_it_was_stored_is_cancelled(page, service):
    open_user(page)
    item = cards(page).first.get_attribute("data-item")
    pending = []

    def delay(route):
        if pending or "like" not in route.request.post_data:
            route.continue_()
        else:
            pending.append(route)

    page.route("**/v1/feedback", delay)
    like = page.locator(".like").first
    like.click()
    until(lambda: page.evaluate("true") and pending)
    for on in (False, True, False):  # while the first is on its way
        like.click()
        assert pressed(like) == on
    assert service.preferences() == []
    pending[0].continue_()
    until(lambda: page.evaluate("true") and len(service.preferences()) == 2)
    assert service.preferences() == [(item, "like"), (item, "unlike")]
    assert not pressed(like)
    page.unroute("**/v1/feedback")


def test_a_like_is_the_same_on_the_wall_and_on_the_page_of_its_video(page, service):
    open_user(page)
    keep_toasts(page)
    item = cards(page).first.get_attribute("data-item")
    page.locator(".like").first.click()
    until(lambda: service.preferences() == [(item, "like")])
    page.locator(".wall .stage").first.click()
    like = page.locator(".about > .row .like")
    like.wait_for()
    assert pressed(like)
    with service.without_database():
        like.press("Enter")
        page.get_by_text("The like was not undone").wait_for()
        assert pressed(like)
    like.press(" ")
    assert not pressed(like)
    until(lambda: service.preferences() == [(item, "like"), (item, "unlike")])
    page.go_back()
    see_user(page)
    assert page.locator(".like").count() == len(NAMES) - 2
    assert page.locator(".like[aria-pressed=true]").count() == 0
