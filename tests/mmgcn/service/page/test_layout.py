"""Layout: narrow screens, light and dark, documents."""

import pytest

import cli
from tests.mmgcn.service.page.actions import go
from tests.mmgcn.service.page.demo_service import VIDEOS


def test_the_page_is_dark_where_the_system_is(page):
    brightness = """() => {
      const colour = getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g);
      return Math.max(...colour.map(Number));
    }"""
    assert page.evaluate(brightness) > 230
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(brightness) < 40


def test_a_users_id_of_any_length_fits_a_narrow_screen(page, service):
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("user/{}", "weights/{}", "video/clip-020?for={}"):
        go(page, f"{service.address}#/{path.format('x' * 200)}")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path


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
        shown = page.locator(".image:not(:has(.blank))").first
        assert shown.evaluate("box => getComputedStyle(box).backgroundImage").startswith("url(")
