"""Skips on the page: hidden, stored, restored."""

from tests.mmgcn.service.page.actions import (
    cards,
    focused,
    go,
    ids,
    keep_toasts,
    open_user,
    see_user,
    until,
)
from tests.mmgcn.service.page.demo_service import BOTH_KINDS


def test_a_skip_is_stored_and_undone_at_its_position(page, service):
    open_user(page)
    keep_toasts(page)
    before = ids(cards(page))
    cards(page).nth(1).get_by_role("button", name="Skip").click()
    assert ids(cards(page)) == [before[0], *before[2:]]
    until(lambda: service.preferences() == [(before[1], "skip")])
    cards(page).nth(1).get_by_role("button", name="Skip").click()  # what moved up
    assert ids(cards(page)) == [before[0], *before[3:]]
    page.get_by_role("status").get_by_role("button", name="Undo").click()  # one line, of the last
    assert ids(cards(page)) == [before[0], *before[2:]]
    assert focused(page) == before[2]
    page.get_by_role("button", name="Restore the last one").click()
    assert ids(cards(page)) == before
    assert focused(page) == before[1]
    until(lambda: len(service.preferences()) == 4)
    assert set(service.preferences()) == {
        (item, kind) for item in before[1:3] for kind in BOTH_KINDS
    }


def test_skipped_cards_are_restored_by_the_keyboard_last_first(page, service):
    open_user(page)
    before = ids(cards(page))
    page.locator(".wall .stage").first.focus()
    for item in before:
        assert focused(page) == item  # the focus goes to the next one
        page.keyboard.press("s")
    assert cards(page).count() == 0
    back = page.get_by_role("button", name="Restore the last one")
    assert back.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    assert focused(page) == before[-1]
    for position in range(len(before) - 2, -1, -1):
        page.keyboard.press("u")
        assert focused(page) == before[position]
    assert ids(cards(page)) == before
    assert not back.is_visible()
    until(lambda: len(service.preferences()) == 2 * len(before))
    for item in before:
        assert [kind for one, kind in service.preferences() if one == item] == list(BOTH_KINDS)


def test_a_skip_outlasts_its_toast_and_another_page(page, service):
    open_user(page)
    keep_toasts(page)
    item = cards(page).first.get_attribute("data-item")
    page.get_by_role("button", name="Skip").first.click()
    until(lambda: service.preferences() == [(item, "skip")])
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    assert page.get_by_role("button", name="Undo").count() == 0  # its wall is gone
    page.go_back()
    see_user(page)
    assert item not in ids(cards(page))
    page.get_by_role("button", name="Restore the last one").click()
    assert cards(page).first.get_attribute("data-item") == item
    until(lambda: service.preferences() == [(item, "skip"), (item, "unskip")])


def test_a_skip_that_could_not_be_stored_or_undone_is_restored(page, service):
    open_user(page)
    keep_toasts(page)
    before = ids(cards(page))
    skip = cards(page).nth(2).get_by_role("button", name="Skip")
    with service.without_database():
        skip.click()
        page.get_by_text("The skip was not saved").wait_for()
        assert ids(cards(page)) == before
        assert page.get_by_role("button", name="Undo").count() == 0
    skip.click()
    until(lambda: service.preferences() == [(before[2], "skip")])
    with service.without_database():
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("The skip was not undone").wait_for()
        assert ids(cards(page)) == [*before[:2], *before[3:]]
        assert focused(page) == before[3]
    page.locator(".toast").filter(has_text="not undone").get_by_role(
        "button", name="Try again"
    ).click()
    until(lambda: service.preferences() == [(before[2], "skip"), (before[2], "unskip")])
    assert ids(cards(page)) == before


def test_a_list_is_as_long_without_skipped_items(page, service):
    open_user(page)
    items = ids(cards(page))
    service.send(*((item, "skip") for item in items[:3]))
    go(page, f"{service.address}#/user/u0?k=2")
    assert ids(cards(page)) == items[3:5]
    page.get_by_role("link", name="Show more").click()
    page.get_by_role("link", name="Show more").wait_for(state="detached")
    assert ids(cards(page)) == items[3:]
    assert focused(page) == items[5]  # the first that is new
    for num_skipped, item in ((3, items[2]), (2, items[1]), (1, items[0])):
        assert page.locator(".back").inner_text().startswith(f"{num_skipped} skipped")
        page.get_by_role("button", name="Restore the last one").click()
        assert focused(page) == item
    assert ids(cards(page)) == items


def test_the_ranks_of_what_is_left_start_at_one(page, service):
    open_user(page)
    ranks = page.locator(".wall .card:visible .rank")
    assert ranks.all_text_contents() == ["1", "2", "3", "4", "5", "6"]
    service.send(*((item, "skip") for item in ids(cards(page))[:3]))
    go(page, f"{service.address}#/user/u0")
    assert ranks.all_text_contents() == ["1", "2", "3"]
    page.get_by_role("button", name="Restore the last one").click()
    until(lambda: ranks.all_text_contents() == ["1", "2", "3", "4"])
