"""The page of a video."""

import pytest

from tests.mmgcn.service.page.actions import cards, go, ids, until


def test_a_video_seeks_and_similar_ones_are_shown_by_modality(page):
    page.evaluate("location.hash = '#/video/clip-020?for=u0'")
    until(lambda: page.evaluate("document.querySelector('main video')?.readyState >= 1"))
    reached = page.evaluate(
        """async () => {
          const video = document.querySelector("main video");
          const sought = new Promise((done) => video.addEventListener("seeked", done));
          video.currentTime = video.duration - 0.5;
          await sought;
          return video.duration - video.currentTime;
        }"""
    )
    assert reached == pytest.approx(0.5, abs=0.1)
    with page.expect_response(lambda answer: "channel=acoustic" in answer.url) as answer:
        page.get_by_role("tab", name="acoustic").click()
    wanted = [item["item_id"] for item in answer.value.json()["items"]]
    page.get_by_role("list", name="Similar by acoustic").wait_for()
    assert ids(cards(page)) == wanted


def test_skipped_items_are_not_shown_as_similar_either(page, service):
    page.evaluate("location.hash = '#/video/clip-020?for=u0'")
    similar = page.get_by_role("list", name="Similar by all signals")
    similar.wait_for()
    first, *rest = ids(cards(page))
    service.send((first, "skip"))
    go(page, f"{service.address}#/video/clip-020?for=u0")
    similar.wait_for()
    assert ids(cards(page)) == rest
    go(page, f"{service.address}#/video/clip-020")  # nobody's page
    similar.wait_for()
    assert ids(cards(page)) == [first, *rest]
