"""Documents of lists: text stays text, and nothing is loaded from anywhere."""

import re

import cv2
import numpy as np
import pytest

from mmgcn.report.lists import Entry, UserList, compact, list_document
from mmgcn.report.poster_images import PosterImages, smaller
from mmgcn.serving.explanation import Explanation

HOSTILE = "<img src=x onerror=alert(1)>"
REASON = Explanation(
    "42",
    "b",
    0.5,
    {"visual": 0.75, HOSTILE: -0.25},
    {"visual": [("a", 0.9)], HOSTILE: [("a", -0.1)]},
    ["textual"],
)


def jpeg(width, height):
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def document(**captions):
    lists = [UserList("User 42", ["a"], [Entry("b", 1, 0.5, REASON), Entry("c", 2, 7.0)])]
    posters = PosterImages({"a": jpeg(90, 160)}.get)
    return list_document(lists, run="first", captions=captions, posters=posters)


def test_a_channel_that_an_item_lacks_is_shown_as_missing():
    assert re.search(r"<th [^>]*>textual</th><td [^>]*>no caption</td>", document())


def test_a_hostile_caption_or_channel_stays_text():
    text = document(b=HOSTILE)
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_nothing_is_loaded_from_elsewhere_and_no_script_runs():
    text = document()
    assert "<script" not in text
    assert "default-src 'none'" in text
    addresses = re.findall(r"url\(([^)]{0,30})|(?:src|href)=\"([^\"]*)", text)
    assert addresses
    assert all((style or link).startswith("data:") for style, link in addresses)


def test_a_poster_shown_three_times_is_embedded_once():
    text = document()
    assert text.count("data:image/jpeg;base64,") == 1
    assert text.count('class="image poster-0"') == 3  # watched, and similar in two channels


def test_parts_are_bars_about_one_zero():
    text = document()
    # From -0.25 to 0.75: zero at a quarter.
    assert text.count("--zero: 0.2500") == 2
    assert "--from: 0.2500; --size: 0.7500" in text
    assert "--from: 0.0000; --size: 0.2500" in text
    assert "−0.250" in text


def test_an_entry_without_reasons_says_that_it_is_popular():
    assert document().count("Popular with all users.") == 1


def test_a_user_without_a_history_has_no_row_of_watched_items():
    user_list = UserList("New user", [], [Entry("c", 1, 7.0)])
    text = compact(user_list, {}, PosterImages())
    assert "Watched" not in text
    assert '<span class="caption" dir="auto">c</span>' in text


@pytest.mark.parametrize(("size", "expected"), [((480, 800), (240, 400)), ((90, 160), (90, 160))])
def test_posters_are_scaled_down_and_never_up(size, expected):
    image = cv2.imdecode(np.frombuffer(smaller(jpeg(*size)), np.uint8), cv2.IMREAD_COLOR)
    assert (image.shape[1], image.shape[0]) == expected


def test_bytes_that_are_not_a_jpeg_are_refused():
    with pytest.raises(ValueError, match="the bytes are not a JPEG"):
        smaller(b"no jpeg")
