"""Acting as a user: the page is read-only without it, and likes move the list with it."""

import numpy as np
import pytest

from tests.mmgcn.service.page.actions import cards, go, ids, open_user, see_user, until
from tests.mmgcn.service.page.demo_service import NAMES, DemoService, running
from tests.runs import write_vectors

NUM_USERS = 12


@pytest.fixture
def tastes(tmp_path):
    """A service whose users have one of two tastes: the first four items, or the others."""
    service = DemoService(tmp_path)
    taste = np.arange(NUM_USERS) % 2
    rng = np.random.default_rng(0)
    write_vectors(
        service.settings.run,
        np.eye(2)[taste] + 0.05,
        {"visual": np.repeat(np.eye(2), 4, axis=0) + 0.1 * rng.standard_normal((8, 2))},
        items=NAMES,
        seen=4 * taste[:, None],
    )
    with running(service.settings) as service.address:
        yield service


def test_without_acting_the_page_is_read_only(page, service):
    open_user(page)
    page.get_by_role("switch", name="Act as this user").uncheck()
    until(lambda: page.locator(".like").count() == 0)
    see_user(page)
    assert cards(page).count() == len(NAMES) - 2
    before = service.preferences(), service.plays("u0")
    requests = []
    page.on("request", lambda request: requests.append(request))
    stage = page.locator(".card:not([data-item=gone]) .stage").first
    stage.hover()
    page.locator(".stage.playing").wait_for()
    until(lambda: page.evaluate("document.querySelector('.stage video').currentTime > 0.5"))
    stage.click()
    page.get_by_role("tab", name="visual").wait_for()
    assert page.locator(".about .like").count() == 0
    page.evaluate("dispatchEvent(new Event('pagehide'))")  # what is queued would be sent now
    assert (service.preferences(), service.plays("u0")) == before
    sent = {request.url for request in requests if request.method == "POST"}
    assert sent <= {f"{service.address}v1/posters"}  # which ones are drawn


def test_a_like_moves_the_list_at_once_with_the_reason(page, tastes):
    go(page, f"{tastes.address}#/user/u0")
    page.get_by_text("Like a video, and the list moves at once.").wait_for()
    before = ids(cards(page))
    liked = before[-1]
    cards(page).last.locator(".like").click()
    page.get_by_text("Re-ranked by 1 video liked or played since the training").wait_for()
    after = ids(cards(page))
    assert sorted(after) == sorted(before)
    assert after != before
    answer = page.request.get(f"{tastes.address}v1/recommend/u0?k=24&session=true").json()
    assert after == [card["item_id"] for card in answer["items"]]
    rose = [card for card in answer["items"] if card["rank"] < card["rank_before"]]
    assert page.locator(".risen").count() == len(rose) > 0
    ranks = page.locator(".wall .card:visible .rank").all_text_contents()
    assert ranks == [str(rank) for rank in range(1, len(after) + 1)]
    page.locator(f"[data-item='{liked}'] .like").click()
    page.get_by_text("Like a video, and the list moves at once.").wait_for()
    assert ids(cards(page)) == before
    assert page.locator(".risen").count() == 0
    page.goto("about:blank")


def test_acting_applies_to_one_user_only(page):
    open_user(page)
    page.evaluate("location.hash = '#/user/u3'")
    see_user(page, "u3")
    assert not page.get_by_role("switch", name="Act as this user").is_checked()
    assert page.locator(".like").count() == 0
