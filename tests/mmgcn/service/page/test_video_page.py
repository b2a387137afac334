"""The page of a video."""

import shutil
from threading import Event

import pytest

from mmgcn.display.poster_worker import PosterWorker
from tests.mmgcn.service.page.actions import address, cards, go, ids, open_user, until


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
    expected = [item["item_id"] for item in answer.value.json()["items"]]
    page.get_by_role("list", name="Similar by acoustic").wait_for()
    assert ids(cards(page)) == expected


def test_the_tab_is_in_the_address(page, service):
    go(page, f"{service.address}#/video/clip-020")
    page.get_by_role("tab", name="acoustic").click()
    until(lambda: address(page).endswith("#/video/clip-020?by=acoustic"))
    go(page, page.url)
    page.get_by_role("tab", name="acoustic", selected=True).wait_for()
    page.get_by_role("list", name="Similar by acoustic").wait_for()


def test_a_video_that_cannot_be_decoded_keeps_its_poster_and_is_offered_as_a_file(page, service):
    page.route("**/v1/videos/clip-020", lambda route: route.fulfill(body=b"this is no video"))
    go(page, f"{service.address}#/video/clip-020")
    page.get_by_text("This browser cannot play the video.").wait_for()
    until(lambda: page.evaluate("document.querySelector('.still img')?.naturalWidth > 0"))
    download = page.get_by_role("link", name="Download the file")
    assert download.get_attribute("href") == "/v1/videos/clip-020"


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


@pytest.fixture
def gate(service, monkeypatch):
    """An event before which no poster is drawn."""
    draw, gate = PosterWorker.draw, Event()
    monkeypatch.setattr(PosterWorker, "draw", lambda *words: gate.wait() and draw(*words))
    shutil.rmtree(service.settings.posters, ignore_errors=True)
    yield gate
    gate.set()


def test_posters_appear_when_they_are_drawn_and_nothing_waits_for_them(gate, page):
    open_user(page)
    page.get_by_role("button", name="Why").first.click()
    page.get_by_role("table", name="How each signal affects the score").wait_for()
    page.keyboard.press("Escape")
    page.locator(".card:not([data-item=gone]) .stage").first.hover()
    page.locator(".stage.playing").wait_for()
    drawn = "images => images.filter((image) => image.naturalWidth > 1).length"
    shown = page.locator(".wall .card img")
    assert shown.evaluate_all(drawn) <= 1  # one may have been in drawing before
    gate.set()
    until(lambda: shown.evaluate_all(drawn) == cards(page).count() - 1)  # gone has no video
