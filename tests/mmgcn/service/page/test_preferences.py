"""Likes and skips that the page loads."""

from dataclasses import replace

from tests.mmgcn.service.page.actions import (
    cards,
    focused,
    go,
    ids,
    keep_toasts,
    open_user,
    pressed,
    see_user,
    until,
)
from tests.mmgcn.service.page.demo_service import NAMES, running


def test_stored_preferences_are_shown(page, service):
    open_user(page)
    first, second, third, *rest = ids(cards(page))
    service.send((third, "skip"), (first, "skip"), (second, "like"), (third, "like"))
    go(page, f"{service.address}#/user/u0")
    assert sorted(ids(cards(page))) == sorted([second, *rest])  # in the order of the session
    order = ids(page.locator(".wall .card"))
    liked = page.locator(".card:has(.like[aria-pressed=true])")
    assert set(ids(liked)) == {second, third}
    back = page.get_by_role("button", name="Restore the last one")
    back.click()
    assert focused(page) == first  # that was skipped after the third
    back.click()
    assert ids(cards(page)) == order
    assert not back.is_visible()
    until(lambda: {(first, "unskip"), (third, "unskip")} < set(service.preferences()))
    page.locator(f"[data-item='{second}'] .stage").click()
    like = page.locator(".about > .row .like")
    like.wait_for()
    assert pressed(like)
    like.click()
    until(lambda: service.preferences()[-1] == (second, "unlike"))
    go(page, f"{service.address}#/user/u0")
    assert ids(cards(page)) == [first, second, third, *rest]
    assert ids(liked) == [third]


def test_changes_of_another_tab_are_shown_on_the_next_page(page, service):
    open_user(page)
    keep_toasts(page)
    first, second, *_ = ids(cards(page))
    page.locator(".like").first.click()
    cards(page).nth(1).get_by_role("button", name="Skip").click()
    until(lambda: set(service.preferences()) == {(first, "like"), (second, "skip")})
    service.send((first, "unlike"), (second, "unskip"))
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    page.go_back()
    see_user(page)
    assert ids(cards(page))[:2] == [first, second]
    assert page.locator(".like[aria-pressed=true]").count() == 0


def test_a_press_while_a_page_is_loaded_is_kept(page, service):
    open_user(page)
    keep_toasts(page)
    item = cards(page).first.get_attribute("data-item")
    pending = []
    page.route("**/v1/feedback/u0", lambda route: pending.append((route, route.fetch())))
    page.evaluate("location.hash = '#/user/u0?seen=1'")
    until(lambda: page.evaluate("true") and pending)  # the answer of before the press
    page.locator(".like").first.click()
    until(lambda: page.evaluate("true") and service.preferences() == [(item, "like")])
    ((route, answer),) = pending
    route.fulfill(response=answer)
    page.get_by_role("checkbox", name="Include watched videos", checked=True).wait_for()
    assert pressed(page.locator(f"[data-item='{item}'] .like"))
    page.unroute("**/v1/feedback/u0")


def test_lists_are_shown_when_the_database_does_not_answer(page, service):
    open_user(page)
    keep_toasts(page)
    first, second, *_ = items = ids(cards(page))
    service.send((first, "skip"), (second, "like"))
    with service.without_database():
        go(page, f"{service.address}#/user/u0")
        assert ids(cards(page)) == items
        assert page.locator(".like[aria-pressed=true]").count() == 0
    pending = []
    page.route("**/v1/feedback/u0", lambda route: pending.append(route))  # one that hangs
    page.goto("about:blank")
    page.goto(f"{service.address}#/user/u0")
    until(lambda: page.evaluate("true") and pending)
    page.evaluate("expireTimeouts()")
    see_user(page)
    assert ids(cards(page)) == items
    page.unroute("**/v1/feedback/u0")


def test_a_service_without_feedback_offers_none(page, service):
    with running(replace(service.settings, feedback=None)) as address:
        go(page, f"{address}#/user/u0")
        assert cards(page).count() == len(NAMES) - 2
        assert page.locator(".card button").all_inner_texts() == ["Why"] * (len(NAMES) - 2)
        page.locator(".wall .stage").first.press("l")  # which does nothing
        go(page, f"{address}#/video/clip-020?for=u0")
        assert page.locator(".like").count() == 0
        assert page.locator(".toast").count() == 0
        page.goto("about:blank")
