"""Ranked lists as a notebook shows them."""

from html.parser import HTMLParser

import polars as pl
import pytest

from mmgcn import RankedLists
from mmgcn.serving.list_table import list_table

LISTS = list_table(["u", "u", "v"], ["a", "x/1", "a"], [0.5, 0.25, 1.0], [1, 2, 1])


class Tags(HTMLParser):
    """The tags of a document, with their nesting checked."""

    def __init__(self, html):
        super().__init__()
        self.open, self.images = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.images.append(dict(attrs)["src"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_each_user_has_a_row_of_ranked_cards():
    html = RankedLists(LISTS)._repr_html_()
    Tags(html)
    assert html.index("User u") < html.index("2. ") < html.index("User v")
    assert "0.250" in html


def test_captions_are_text_never_markup(tmp_path):
    html = RankedLists(LISTS, captions={"a": "<script>alert(1)</script>"})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    (tmp_path / "captions.csv").write_text("item_id,caption\na,two dogs\n")
    assert "two dogs" in RankedLists(LISTS, captions=tmp_path / "captions.csv")._repr_html_()


def test_posters_are_embedded_where_there_are_any(tmp_path):
    (tmp_path / "x%2F1.jpg").write_bytes(b"\xff\xd8jpeg")
    images = Tags(RankedLists(LISTS, posters=tmp_path)._repr_html_()).images
    assert images == ["data:image/jpeg;base64,/9hqcGVn"]


def test_a_table_without_users_is_one_row():
    html = RankedLists(LISTS.drop("user_id"))._repr_html_()
    assert "User" not in html
    assert html.count("<figure") == 3


def test_many_lists_are_truncated_in_the_document_only():
    many = list_table([f"u{n}" for n in range(25)], ["a"] * 25, [1.0] * 25, [1] * 25)
    lists = RankedLists(many)
    assert "and 5 further lists" in lists._repr_html_()
    assert lists._repr_html_().count("<figure") == 20
    assert len(lists.table) == 25
    assert repr(lists) == repr(many)


def test_a_table_that_is_not_a_list_is_refused():
    with pytest.raises(ValueError, match="the table has no column score and rank; pass the result"):
        RankedLists(pl.DataFrame({"item_id": ["a"]}))


def test_a_folder_of_posters_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="no folder of posters at"):
        RankedLists(LISTS, posters=tmp_path / "nowhere")
