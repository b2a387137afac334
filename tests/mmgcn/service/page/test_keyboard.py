"""From the start page to a list, a video, the feed and back, by keyboard alone."""

from tests.mmgcn.service.page.actions import address, focused, see_user, until


def tab_to(page, selector, key="Tab"):
    """Press Tab until an element that matches has the focus."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_a_session_needs_no_mouse(page, service):
    page.evaluate("sessionStorage.setItem('mmgcn_acting', '')")
    page.keyboard.press("/")
    page.keyboard.type("u1")
    page.get_by_role("option", name="u11").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    see_user(page, "u1")

    tab_to(page, ".acting input")
    page.keyboard.press("Space")
    page.locator(".keys kbd").get_by_text("L", exact=True).wait_for()  # in the list that is redrawn
    tab_to(page, ".wall .stage")
    liked = focused(page)
    page.keyboard.press("l")
    until(lambda: service.preferences() == [(liked, "like")])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("w")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    skipped = focused(page)
    assert skipped != liked
    page.keyboard.press("s")
    until(lambda: service.preferences() == [(liked, "like"), (skipped, "skip")])

    opened = focused(page)
    page.keyboard.press("Enter")
    until(lambda: address(page).endswith(f"#/video/{opened}?for=u1"))
    page.get_by_role("list", name="Similar by all signals").wait_for()
    tab_to(page, "[role=tab]")
    page.keyboard.press("ArrowRight")
    page.get_by_role("list", name="Similar by visual").wait_for()
    tab_to(page, ".about a[href*='user/u1']", "Shift+Tab")
    page.keyboard.press("Enter")
    see_user(page, "u1")

    tab_to(page, "a[href*='feed/u1']")
    page.keyboard.press("Enter")
    page.locator(".slide").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    see_user(page, "u1")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
