"""The page, in a headless Chromium against a server of its own."""

import os
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
import uvicorn
from playwright.sync_api import sync_playwright

import cli
from mmgcn.data.events import events, make_engine
from mmgcn.service.app import create_app
from mmgcn.service.settings import Settings
from tests.runs import made_run

VIDEOS = Path(__file__).parents[3] / "assets" / "videos"
NAMES = ["clip-003", "clip-007", "clip-009", "clip-015", "clip-020", "clip-024", "море", "gone"]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TURNS = ("skip", "unskip")
CAPTIONS = {"clip-003": HOSTILE, "clip-007": "A ball", "море": "The sea"}


# However slow a test is, the page waits for what is on its way, until it is told not to.
PATIENCE = """
const waiting = [];
AbortSignal.timeout = () => {
  waiting.push(new AbortController());
  return waiting.at(-1).signal;
};
window.loseAllPatience = () => {
  for (const one of waiting.splice(0)) one.abort(new DOMException("", "TimeoutError"));
};
"""


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium")
    if path is None:
        reason = "no Chromium here: apt-get install chromium"
        if os.environ.get("MMGCN_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Service:
    """A service on videos of the demo, with a database that can go away."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "database"
        self._database.mkdir()
        self._url = f"sqlite:///{self._database}/feedback.db"
        made_run(folder / "run", NAMES)
        told = pl.DataFrame({"item_id": list(CAPTIONS), "caption": list(CAPTIONS.values())})
        told.write_csv(folder / "captions.csv")
        self.settings = Settings(
            run=folder / "run",
            videos=VIDEOS,
            captions=folder / "captions.csv",
            posters=folder / "posters",
            feedback=self._url,
            requests_per_second=0,
            reload_seconds=0,
        )
        self.address = ""

    @contextmanager
    def without_database(self):
        away = self._database.rename(self._database.with_name("away"))
        try:
            yield
        finally:
            away.rename(self._database)

    def plays(self, user):
        """What is stored of a user's plays: (item_id, seconds)."""
        engine = make_engine(self._url, poolclass=sa.NullPool)
        wanted = sa.select(events).where(events.c.event == "play", events.c.user_id == user)
        with engine.connect() as connection:
            return [(row.item_id, row.seconds) for row in connection.execute(wanted)]

    def said(self):
        """Likes and skips, given and taken back, as they were stored: (item_id, kind)."""
        engine = make_engine(self._url, poolclass=sa.NullPool)
        wanted = sa.select(events).where(events.c.event.not_in(["impression", "play"]))
        with engine.connect() as connection:
            rows = connection.execute(wanted.order_by(events.c.id))
            return [(row.item_id, row.event) for row in rows]

    def say(self, *words, user="u0"):
        """Send events past the page, as another tab does: (item_id, kind)."""
        sent = [{"user_id": user, "item_id": item, "event": kind} for item, kind in words]
        answer = httpx.post(f"{self.address}v1/feedback", json={"events": sent})
        assert answer.status_code == 201

    def forget(self):
        engine = make_engine(self._url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.delete(events))


@contextmanager
def running(settings):
    """Run a service for a while; gives its address."""
    config = uvicorn.Config(
        create_app(settings), log_level="critical", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = Service(tmp_path_factory.mktemp("service"))
    with running(made.settings) as made.address:
        yield made


@pytest.fixture(scope="module")
def window(browser):
    """One window for all tests, and what it complains of."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    context.add_init_script(PATIENCE)
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if "Content Security" in line.text else None,
    )
    yield page, complaints
    context.close()


@pytest.fixture
def page(window, service):
    """The page at its start; whatever it complains of fails the test."""
    page, complaints = window
    page.set_viewport_size({"width": 1000, "height": 800})
    page.emulate_media(color_scheme="light")
    page.mouse.move(0, 0)  # the pointer of the test before plays nothing
    page.goto(service.address)
    yield page
    page.context.clear_cookies()
    page.goto("about:blank")
    service.forget()
    assert not complaints


def go(page, address):
    """Open an address anew, so that nothing of the page before it is still there."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("main:not([aria-busy]):not(:has([aria-busy])) h1")


def open_user(page, user="u0"):
    page.evaluate(f"location.hash = '#/user/{user}'")
    see_user(page, user)


def see_user(page, user="u0"):
    """Wait for a user's page; other pages have cards as well."""
    page.get_by_role("heading", name=f"User {user}", exact=True).wait_for()


def keep_lines(page):
    """Let no line at the edge go by itself, however slow the test is."""
    page.evaluate("window.setTimeout = () => null")


def until(condition):
    """Wait for it; the page's policy forbids the eval of `wait_for_function`."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen within 30 seconds"
        time.sleep(0.01)


def cards(page):
    return page.locator(".wall .card:visible")


def ids(items):
    return items.evaluate_all("items => items.map((item) => item.dataset.item)")


def focused(page):
    """The item whose card has the focus."""
    return page.evaluate("document.activeElement.closest('.card')?.dataset.item")


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


def test_a_card_plays_under_the_pointer_and_stops_when_it_leaves(page, service):
    open_user(page, "u5")  # whom no other test plays anything for
    card = page.locator(".card:not([data-item=gone]) .stage").first
    assert page.locator("video").count() == 0  # nothing is loaded before somebody looks
    card.hover()
    until(
        lambda: page.evaluate("document.querySelector('.stage.playing video')?.currentTime > 0.3")
    )
    assert card.locator("video").evaluate("video => video.muted && video.preload === 'none'")
    page.locator("h1").hover()
    until(lambda: page.evaluate("document.querySelector('.stage video').paused"))
    until(lambda: service.plays("u5"))
    ((_, seconds),) = service.plays("u5")
    assert 0.3 <= seconds < 60


def test_the_wall_is_walked_and_a_video_opened_with_the_keyboard(page):
    open_user(page)
    stages = page.locator(".wall .stage")
    stages.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert stages.nth(1).evaluate("stage => stage === document.activeElement")
    assert stages.nth(1).evaluate("stage => getComputedStyle(stage).outlineStyle") == "solid"
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert stages.nth(0).evaluate("stage => stage === document.activeElement")
    page.keyboard.press("w")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert stages.nth(0).evaluate("stage => stage === document.activeElement")
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="visual").wait_for()


def test_a_videos_page_seeks_and_shows_what_is_alike_by_modality(page):
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
    page.get_by_role("list", name="Alike in acoustic").wait_for()
    assert ids(cards(page)) == wanted


def test_why_shows_parts_that_add_up_and_the_watched_videos_most_alike(page):
    open_user(page)
    page.get_by_role("button", name="Why").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".parts tbody tr").first.wait_for()
    texts = dialog.locator(".parts .number").all_text_contents()
    *parts, score = [float(text.replace("−", "-")) for text in texts]
    assert sum(parts) == pytest.approx(score, abs=0.002)
    assert dialog.locator(".parts tbody th").all_text_contents() == ["visual", "acoustic"]
    bars = dialog.locator(".bar").evaluate_all("bars => bars.map((bar) => bar.offsetWidth)")
    assert np.argmax(bars) == np.argmax(np.abs(parts))
    assert dialog.get_by_role("region", name="Alike in visual").locator(".thumb").count() == 2


def pressed(button):
    return button.get_attribute("aria-pressed") == "true"


def test_a_like_is_shown_at_once_and_restored_where_it_could_not_be_stored(page, service):
    open_user(page)
    keep_lines(page)
    like = page.locator(".like").first
    item = cards(page).first.get_attribute("data-item")
    with service.without_database():
        like.click()
        page.get_by_text("The like was not saved").wait_for()
        assert not pressed(like)
    page.get_by_role("button", name="Try again").click()
    until(lambda: service.said() == [(item, "like")])
    assert pressed(like)
    with service.without_database():
        like.click()
        page.get_by_text("The like was not taken back").wait_for()
        assert pressed(like)
    page.get_by_role("button", name="Try again").click()
    until(lambda: service.said() == [(item, "like"), (item, "unlike")])
    assert not pressed(like)


def test_a_like_is_given_and_taken_back_with_the_keyboard(page, service):
    open_user(page)
    item = cards(page).first.get_attribute("data-item")
    page.locator(".wall .stage").first.focus()
    said = []
    for kind in ("like", "unlike", "like"):
        page.keyboard.press("l")
        assert pressed(page.locator(".like").first) == (kind == "like")
        said.append((item, kind))
        until(lambda: service.said() == said)
    assert focused(page) == item


def test_a_like_that_is_taken_back_before_it_was_stored_is_taken_back(page, service):
    open_user(page)
    item = cards(page).first.get_attribute("data-item")
    held = []

    def hold(route):
        if held or "like" not in route.request.post_data:
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/feedback", hold)
    like = page.locator(".like").first
    like.click()
    until(lambda: page.evaluate("true") and held)
    for on in (False, True, False):  # while the first is on its way
        like.click()
        assert pressed(like) == on
    assert service.said() == []
    held[0].continue_()
    until(lambda: page.evaluate("true") and len(service.said()) == 2)
    assert service.said() == [(item, "like"), (item, "unlike")]
    assert not pressed(like)
    page.unroute("**/v1/feedback")


def test_a_like_is_the_same_on_the_wall_and_on_the_page_of_its_video(page, service):
    open_user(page)
    keep_lines(page)
    item = cards(page).first.get_attribute("data-item")
    page.locator(".like").first.click()
    until(lambda: service.said() == [(item, "like")])
    page.locator(".wall .stage").first.click()
    like = page.locator(".about > .row .like")
    like.wait_for()
    assert pressed(like)
    with service.without_database():
        like.press("Enter")
        page.get_by_text("The like was not taken back").wait_for()
        assert pressed(like)
    like.press(" ")
    assert not pressed(like)
    until(lambda: service.said() == [(item, "like"), (item, "unlike")])
    page.go_back()
    see_user(page)
    assert page.locator(".like").count() == len(NAMES) - 2
    assert page.locator(".like[aria-pressed=true]").count() == 0


def test_a_skip_is_stored_and_undone_at_its_place(page, service):
    open_user(page)
    keep_lines(page)
    before = ids(cards(page))
    cards(page).nth(1).get_by_role("button", name="Skip").click()
    assert ids(cards(page)) == [before[0], *before[2:]]
    until(lambda: service.said() == [(before[1], "skip")])
    cards(page).nth(1).get_by_role("button", name="Skip").click()  # what moved up
    assert ids(cards(page)) == [before[0], *before[3:]]
    page.get_by_role("status").get_by_role("button", name="Undo").click()  # one line, of the last
    assert ids(cards(page)) == [before[0], *before[2:]]
    assert focused(page) == before[2]
    page.get_by_role("button", name="Bring back the last skipped").click()
    assert ids(cards(page)) == before
    assert focused(page) == before[1]
    until(lambda: len(service.said()) == 4)
    assert set(service.said()) == {(item, kind) for item in before[1:3] for kind in TURNS}


def test_what_was_skipped_comes_back_by_the_keyboard_the_last_first(page, service):
    open_user(page)
    before = ids(cards(page))
    page.locator(".wall .stage").first.focus()
    for item in before:
        assert focused(page) == item  # the focus goes to the next one
        page.keyboard.press("s")
    assert cards(page).count() == 0
    back = page.get_by_role("button", name="Bring back the last skipped")
    assert back.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    assert focused(page) == before[-1]
    for place in range(len(before) - 2, -1, -1):
        page.keyboard.press("u")
        assert focused(page) == before[place]
    assert ids(cards(page)) == before
    assert not back.is_visible()
    until(lambda: len(service.said()) == 2 * len(before))
    for item in before:
        assert [kind for one, kind in service.said() if one == item] == list(TURNS)


def test_a_skip_outlasts_its_line_and_another_page(page, service):
    open_user(page)
    keep_lines(page)
    item = cards(page).first.get_attribute("data-item")
    page.get_by_role("button", name="Skip").first.click()
    until(lambda: service.said() == [(item, "skip")])
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    assert page.get_by_role("button", name="Undo").count() == 0  # its wall is gone
    page.go_back()
    see_user(page)
    assert item not in ids(cards(page))
    page.get_by_role("button", name="Bring back the last skipped").click()
    assert cards(page).first.get_attribute("data-item") == item
    until(lambda: service.said() == [(item, "skip"), (item, "unskip")])


def test_a_skip_that_could_not_be_stored_or_undone_is_restored(page, service):
    open_user(page)
    keep_lines(page)
    before = ids(cards(page))
    skip = cards(page).nth(2).get_by_role("button", name="Skip")
    with service.without_database():
        skip.click()
        page.get_by_text("The skip was not saved").wait_for()
        assert ids(cards(page)) == before
        assert page.get_by_role("button", name="Undo").count() == 0
    skip.click()
    until(lambda: service.said() == [(before[2], "skip")])
    with service.without_database():
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("The skip was not taken back").wait_for()
        assert ids(cards(page)) == [*before[:2], *before[3:]]
        assert focused(page) == before[3]
    page.locator(".toast").filter(has_text="taken back").get_by_role(
        "button", name="Try again"
    ).click()
    until(lambda: service.said() == [(before[2], "skip"), (before[2], "unskip")])
    assert ids(cards(page)) == before


def test_what_was_said_on_another_day_is_shown(page, service):
    open_user(page)
    first, second, third, *rest = ids(cards(page))
    service.say((third, "skip"), (first, "skip"), (second, "like"), (third, "like"))
    go(page, f"{service.address}#/user/u0")
    assert ids(cards(page)) == [second, *rest]
    liked = page.locator(".card:has(.like[aria-pressed=true])")
    assert ids(liked) == [second, third]
    back = page.get_by_role("button", name="Bring back the last skipped")
    back.click()
    assert focused(page) == first  # that was skipped after the third
    back.click()
    assert ids(cards(page)) == [first, second, third, *rest]
    assert not back.is_visible()
    until(lambda: {(first, "unskip"), (third, "unskip")} < set(service.said()))
    cards(page).nth(1).locator(".stage").click()
    like = page.locator(".about > .row .like")
    like.wait_for()
    assert pressed(like)
    like.click()
    until(lambda: service.said()[-1] == (second, "unlike"))
    go(page, f"{service.address}#/user/u0")
    assert ids(cards(page)) == [first, second, third, *rest]
    assert ids(liked) == [third]


def test_what_another_tab_says_is_known_on_the_next_page(page, service):
    open_user(page)
    keep_lines(page)
    first, second, *_ = ids(cards(page))
    page.locator(".like").first.click()
    cards(page).nth(1).get_by_role("button", name="Skip").click()
    until(lambda: set(service.said()) == {(first, "like"), (second, "skip")})
    service.say((first, "unlike"), (second, "unskip"))
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    page.go_back()
    see_user(page)
    assert ids(cards(page))[:2] == [first, second]
    assert page.locator(".like[aria-pressed=true]").count() == 0


def test_a_list_is_as_long_without_what_was_skipped(page, service):
    open_user(page)
    items = ids(cards(page))
    service.say(*((item, "skip") for item in items[:3]))
    go(page, f"{service.address}#/user/u0?k=2")
    assert ids(cards(page)) == items[3:5]
    page.get_by_role("link", name="Show more").click()
    page.get_by_role("link", name="Show more").wait_for(state="detached")
    assert ids(cards(page)) == items[3:]
    assert focused(page) == items[5]  # the first that is new
    for num_skipped, item in ((3, items[2]), (2, items[1]), (1, items[0])):
        assert page.locator(".back").inner_text().startswith(f"{num_skipped} skipped")
        page.get_by_role("button", name="Bring back the last skipped").click()
        assert focused(page) == item
    assert ids(cards(page)) == items


def test_what_was_skipped_is_not_offered_as_similar_either(page, service):
    page.evaluate("location.hash = '#/video/clip-020?for=u0'")
    similar = page.get_by_role("list", name="Alike in all channels")
    similar.wait_for()
    first, *rest = ids(cards(page))
    service.say((first, "skip"))
    go(page, f"{service.address}#/video/clip-020?for=u0")
    similar.wait_for()
    assert ids(cards(page)) == rest
    go(page, f"{service.address}#/video/clip-020")  # nobody's page
    similar.wait_for()
    assert ids(cards(page)) == [first, *rest]


def test_a_press_while_a_page_is_made_is_not_forgotten(page, service):
    open_user(page)
    keep_lines(page)
    item = cards(page).first.get_attribute("data-item")
    held = []
    page.route("**/v1/feedback/u0", lambda route: held.append((route, route.fetch())))
    page.evaluate("location.hash = '#/user/u0?seen=1'")
    until(lambda: page.evaluate("true") and held)  # the answer of before the press
    page.locator(".like").first.click()
    until(lambda: page.evaluate("true") and service.said() == [(item, "like")])
    ((route, answer),) = held
    route.fulfill(response=answer)
    page.get_by_role("checkbox", name="Watched ones too", checked=True).wait_for()
    assert pressed(page.locator(f"[data-item='{item}'] .like"))
    page.unroute("**/v1/feedback/u0")


def test_lists_are_shown_without_what_a_database_does_not_tell(page, service):
    open_user(page)
    keep_lines(page)
    first, second, *_ = items = ids(cards(page))
    service.say((first, "skip"), (second, "like"))
    with service.without_database():
        go(page, f"{service.address}#/user/u0")
        assert ids(cards(page)) == items
        assert page.locator(".like[aria-pressed=true]").count() == 0
    held = []
    page.route("**/v1/feedback/u0", lambda route: held.append(route))  # one that hangs
    page.goto("about:blank")
    page.goto(f"{service.address}#/user/u0")
    until(lambda: page.evaluate("true") and held)
    page.evaluate("loseAllPatience()")
    see_user(page)
    assert ids(cards(page)) == items
    page.unroute("**/v1/feedback/u0")


def test_a_service_that_takes_no_feedback_offers_none(page, service):
    with running(replace(service.settings, feedback=None)) as address:
        go(page, f"{address}#/user/u0")
        assert cards(page).count() == len(NAMES) - 2
        assert page.locator(".card button").all_inner_texts() == ["Why"] * (len(NAMES) - 2)
        page.locator(".wall .stage").first.press("l")  # which does nothing
        go(page, f"{address}#/video/clip-020?for=u0")
        assert page.locator(".like").count() == 0
        assert page.locator(".toast").count() == 0
        page.goto("about:blank")


def test_a_setting_of_the_list_leaves_the_page_where_it_is(page, service):
    page.set_viewport_size({"width": 320, "height": 500})
    go(page, f"{service.address}#/user/u0")
    slider = page.get_by_role("slider", name="Variety")
    slider.focus()
    page.evaluate("scrollBy(0, 100)")
    before = page.evaluate("scrollY")
    for key, variety in (("ArrowRight", "0.2"), ("ArrowRight", "0.4"), ("ArrowLeft", "0.2")):
        page.evaluate("document.querySelector('main h1').className = 'old'")
        page.keyboard.press(key)
        page.locator("main h1:not(.old)").wait_for()
        assert slider.input_value() == variety
        assert slider.evaluate("slider => slider === document.activeElement")
        assert page.evaluate("scrollY") == before > 0
    page.get_by_role("link", name="Status").click()
    page.get_by_role("heading", name="Status").wait_for()
    assert page.evaluate("scrollY") == 0


def test_an_unknown_user_is_told_and_the_nearest_offered(page):
    page.evaluate("location.hash = '#/user/u111'")
    page.get_by_role("heading", name="No user “u111”").wait_for()
    page.get_by_role("link", name="u11", exact=True).click()
    see_user(page, "u11")


def test_a_hostile_caption_is_text(page):
    page.evaluate("location.hash = '#/video/clip-003?for=u0'")
    page.get_by_role("heading", name=HOSTILE).wait_for()
    open_user(page)
    page.locator("[data-item=clip-003] .why").click()
    page.locator(".parts").wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "User u0 · mmgcn"


@pytest.mark.parametrize("address", ["", "#/user/u0", "#/video/clip-007?for=u0", "#/status"])
def test_a_narrow_screen_scrolls_down_alone(page, service, address):
    page.set_viewport_size({"width": 320, "height": 640})
    go(page, service.address + address)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_page_is_dark_where_the_system_is(page):
    brightness = """() => {
      const colour = getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g);
      return Math.max(...colour.map(Number));
    }"""
    assert page.evaluate(brightness) > 230
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(brightness) < 40


def test_somebody_new_gets_a_list_from_what_they_choose(page):
    page.get_by_role("link", name="New here").click()
    page.get_by_role("heading", name="Somebody new").wait_for()
    page.locator(".wall .stage").nth(0).click()
    page.locator(".wall .stage").nth(1).press(" ")
    page.get_by_role("button", name="Show my list").click()
    wall = page.get_by_role("list", name="Your list")
    wall.wait_for()
    assert wall.locator(".card").count() == len(NAMES) - 2


def test_the_status_page_draws_the_metrics_and_the_curves(page):
    page.get_by_role("link", name="Status").click()
    page.get_by_role("img", name="Recall over the epochs: @10 0.500, @20 0.750").wait_for()
    assert page.locator(".metrics tbody tr").first.all_inner_texts() == ["Recall\t0.5000\t0.7500"]
    assert page.locator(".chart").count() == 3


def test_a_token_is_asked_for_once_and_opens_the_media_too(page, service):
    service.say(("clip-020", "like"))
    with running(replace(service.settings, token="open-sesame")) as address:
        page.goto(f"{address}#/user/u0")
        page.get_by_label("Token", exact=True).last.fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("The service does not know this token.").wait_for()
        page.evaluate("loseAllPatience()")  # typing takes as long as it takes
        page.keyboard.type("open-sesame")
        page.keyboard.press("Enter")
        see_user(page)
        assert pressed(page.locator("[data-item=clip-020] .like"))
        until(lambda: page.evaluate("document.querySelector('.card img')?.naturalWidth > 0"))
        page.reload()
        see_user(page)
        assert page.get_by_role("dialog").count() == 0
        page.goto("about:blank")


def test_who_wants_less_motion_plays_by_a_key_alone(page):
    page.emulate_media(reduced_motion="reduce")
    open_user(page)
    stage = page.locator(".card:not([data-item=gone]) .stage").first
    stage.hover()
    stage.focus()
    assert page.locator("video").count() == 0
    stage.press(" ")
    page.locator(".stage.playing").wait_for()
    stage.press(" ")
    page.locator(".stage.playing").wait_for(state="detached")
    page.emulate_media(reduced_motion="no-preference")


def test_going_back_leads_to_the_same_card(page):
    open_user(page)
    page.locator(".wall .stage").nth(3).focus()
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="visual").wait_for()
    page.go_back()
    see_user(page)
    assert focused(page) == cards(page).nth(3).get_attribute("data-item")


def test_documents_without_a_service_fit_a_narrow_screen_too(page, service, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # of posters
    page.set_viewport_size({"width": 320, "height": 640})
    run, videos = str(service.settings.run), str(VIDEOS)
    for words in (["report", "--out"], ["recommend", "--user", "u0", "--k", "3", "--html"]):
        path = tmp_path / f"{words[0]}.html"
        with pytest.raises(SystemExit, match="0"):
            cli.main([*words, str(path), "--run", run, "--videos", videos])
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        shown = page.locator(".picture:not(:has(.blank))").first
        assert shown.evaluate("box => getComputedStyle(box).backgroundImage").startswith("url(")
