"""The start page: search of users."""

from tests.mmgcn.service.page.actions import cards, see_user
from tests.mmgcn.service.page.demo_service import NAMES


def test_a_user_is_found_by_typing_and_chosen_with_the_keyboard(page):
    box = page.locator("main").get_by_role("combobox")
    box.fill("u1")
    page.get_by_role("option", name="u11").wait_for()
    assert page.get_by_role("option").all_text_contents() == ["u1", "u10", "u11"]
    box.press("ArrowDown")
    box.press("ArrowDown")
    box.press("Enter")
    see_user(page, "u10")
    assert page.locator(".strip .thumb").count() == 2
    assert cards(page).count() == len(NAMES) - 2
    assert page.title() == "User u10 · mmgcn"


def test_an_unknown_user_is_an_error_with_similar_ids(page):
    page.evaluate("location.hash = '#/user/u111'")
    page.get_by_role("heading", name="No user “u111”").wait_for()
    page.get_by_role("link", name="u11", exact=True).click()
    see_user(page, "u11")
