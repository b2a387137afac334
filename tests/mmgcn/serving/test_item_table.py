"""Tables with captions and creators of items."""

import pytest

from mmgcn.serving.item_table import ItemTable, one_line
from mmgcn.serving.table_file import TableError, read_ids


def test_captions_and_creators_by_id(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("video_id,title,creator\n007,seven,ann\n8,,bob\n9,nine,\n")
    table = ItemTable.read(path)
    assert table.captions(["007", "8", "10"]) == {"007": "seven"}
    assert table.creators() == {"007": "ann", "8": "bob"}


def test_a_table_without_either_is_refused(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("item_id,price\na,1\n")
    with pytest.raises(TableError, match="caption or creator; it has: item_id, price"):
        ItemTable.read(path)
    path.write_text("item_id,caption\na,1\n")
    with pytest.raises(TableError, match="no column creator"):
        ItemTable.read(path).creators()


def test_control_characters_of_captions_are_removed():
    assert one_line("a\u202eb\x07 \x1b]0;owned\x07\tc") == "ab ]0;owned c"
    assert one_line("\U0001f469\u200d\U0001f52c") == "\U0001f469\u200d\U0001f52c"


def test_ids_are_read_from_lines_or_a_column(tmp_path):
    (tmp_path / "ids.txt").write_text("a\r\nb c\n\nd,e\n")
    assert read_ids(tmp_path / "ids.txt", "item_id") == ["a", "b c", "d,e"]
    (tmp_path / "ids.csv").write_text('item_id,x\n01,1\n"d,e",2\n')
    assert read_ids(tmp_path / "ids.csv", "item_id") == ["01", "d,e"]
    with pytest.raises(TableError, match="no column user_id; it has: item_id, x"):
        read_ids(tmp_path / "ids.csv", "user_id")
    with pytest.raises(TableError, match="no file of ids"):
        read_ids(tmp_path / "absent.txt", "item_id")
