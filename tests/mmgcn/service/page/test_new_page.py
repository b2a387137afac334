"""The page of a new user."""

from tests.mmgcn.service.page.demo_service import NAMES


def test_a_new_user_gets_a_list_from_selected_videos(page):
    page.get_by_role("link", name="Try it yourself").click()
    page.get_by_role("heading", name="Try it yourself").wait_for()
    page.locator(".wall .stage").nth(0).click()
    page.locator(".wall .stage").nth(1).press(" ")
    page.get_by_role("button", name="Show recommendations").click()
    wall = page.get_by_role("list", name="Recommended for you")
    wall.wait_for()
    assert wall.locator(".card").count() == len(NAMES) - 2
