"""Tables on terminals of any width: no broken names, no control characters."""

import pytest

from extract.commands.output import console_table, print_table

PROSE = "what is written about a video: caption, subtitles or title"


@pytest.fixture
def lines(capsys, monkeypatch):
    def draw(width, columns, *rows):
        monkeypatch.setenv("COLUMNS", str(width))
        table = console_table(*columns)
        for row in rows:
            table.add_row(*row)
        print_table(table)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]

    return draw


def test_columns_of_prose_shrink_before_names(lines):
    shown = lines(40, ("what", "name"), (PROSE, "efficientnet_lite0"))
    assert max(map(len, shown)) <= 40
    assert any(line.endswith("efficientnet_lite0") for line in shown)
    assert " ".join(" ".join(line[:18] for line in shown[2:]).split()) == PROSE


def test_numbers_are_not_broken_on_a_narrow_terminal(lines):
    shown = lines(20, ("recall", "@5", "@10", "@20"), ("mmgcn", "0.3300", "0.5300", "0.7150"))
    assert shown[-1].split() == ["mmgcn", "0.3300", "0.5300", "0.7150"]


def test_titles_of_several_words_are_wrapped_before_numbers(lines):
    shown = lines(27, ("recall", "@5", "popular @5"), ("mmgcn", "0.3300", "0.1200"))
    assert max(map(len, shown)) <= 27
    assert shown[-1].split() == ["mmgcn", "0.3300", "0.1200"]


def test_a_long_id_is_wrapped_and_complete(lines):
    shown = lines(40, ("rank", "item"), ("1", "i" * 100))
    assert max(map(len, shown)) <= 40
    assert sum(line.count("i") for line in shown[2:]) == 100


def test_a_cell_may_have_several_lines(lines):
    shown = lines(80, ("item", "because"), ("clip", "visual +0.6\nid     +0.1"))
    assert [line.split() for line in shown[2:]] == [["clip", "visual", "+0.6"], ["id", "+0.1"]]


def test_control_characters_and_markup_are_printed_as_text(lines):
    shown = lines(80, ("item",), ("\x1b[2J[red]a[/red] :smile:",))
    assert shown[-1].strip() == r"\x1b[2J[red]a[/red] :smile:"
