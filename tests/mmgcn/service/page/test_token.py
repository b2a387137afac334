"""The token of a service."""

from dataclasses import replace

from tests.mmgcn.service.page.actions import pressed, see_user, until
from tests.mmgcn.service.page.demo_service import running


def test_a_token_is_entered_once_and_opens_the_media_too(page, service):
    service.send(("clip-020", "like"))
    with running(replace(service.settings, token="open-sesame-please")) as address:
        page.goto(f"{address}#/user/u0")
        page.get_by_label("Token", exact=True).last.fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("This token is wrong.").wait_for()
        page.evaluate("expireTimeouts()")  # typing takes as long as it takes
        page.keyboard.type("open-sesame-please")
        page.keyboard.press("Enter")
        see_user(page)
        assert pressed(page.locator("[data-item=clip-020] .like"))
        until(lambda: page.evaluate("document.querySelector('.card img')?.naturalWidth > 0"))
        page.reload()
        see_user(page)
        assert page.get_by_role("dialog").count() == 0
        page.goto("about:blank")
