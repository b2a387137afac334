"""Tables of interactions in many formats."""

import gzip
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.data.interactions import InteractionsError
from mmgcn.data.table import read_interactions
from mmgcn.data.times import TimeError

MOVIELENS = "user=1,item=2,rating=3,time=4"


def read(tmp_path, text, suffix=".csv", **options):
    path = tmp_path / f"table{suffix}"
    path.write_text(text, encoding="utf-8")
    return read_interactions(path, **options)


def pairs_of(table):
    users, items = table.users.ids.to_list(), table.items.ids.to_list()
    rows = zip(table.user_index.tolist(), table.item_index.tolist(), strict=True)
    return [(users[user], items[item]) for user, item in rows]


@settings(max_examples=50)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"), st.integers(0, 5)), min_size=1
    )
)
def test_each_pair_is_kept_once_at_its_earliest_in_the_order_of_the_table(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "table.parquet"
    table = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    table.write_parquet(path)
    table = read_interactions(path)
    # Slowly: the first row among those of least time.
    kept = {}
    for index, (user, item, time) in enumerate(rows):
        kept[user, item] = min(kept.get((user, item), (time, index)), (time, index))
    expected = sorted((index, pair, time) for pair, (time, index) in kept.items())
    assert pairs_of(table) == [pair for _, pair, _ in expected]
    assert table.timestamp.tolist() == [time for _, _, time in expected]
    assert table.users.ids.to_list() == list(dict.fromkeys(user for user, _, _ in rows))
    assert table.items.ids.to_list() == list(dict.fromkeys(item for _, item, _ in rows))


def write(path, table):
    """Write a table in the format of its suffix."""
    if path.suffix == ".parquet":
        table.write_parquet(path)
    elif path.suffix == ".jsonl":
        table.write_ndjson(path)
    else:
        table.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")


TABLE = pl.DataFrame(
    {
        "other": [0, 0],
        "user_id": ["007", "8"],
        "item_id": ["x", "y"],
        "timestamp": [5.5, 6.0],
        "weight": [1, 2],
        "rating": [4, 3],
    }
)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("words", ["", "user=who,item=what,time=when,rating=stars"])
def test_every_format_gives_the_same_table_for_any_column_names(tmp_path, suffix, words):
    names = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}
    named = dict(word.split("=") for word in words.split(",")) if words else {}
    path = tmp_path / f"table{suffix}"
    write(path, TABLE.rename({names[role]: name for role, name in named.items()}))
    table = read_interactions(path, columns=words)
    assert pairs_of(table) == [("007", "x"), ("8", "y")]
    assert table.timestamp.tolist() == [5.5, 6.0]
    assert (table.weight.dtype, table.weight.tolist()) == (np.float32, [1, 2])
    good = read_interactions(path, columns=words, min_rating=3.5)
    assert (pairs_of(good), good.timestamp.tolist()) == ([("007", "x")], [5.5])


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t")])
def test_columns_of_a_table_without_a_header_are_numbers(tmp_path, suffix, separator):
    rows = ["A1", "007", "5.0", "30"], ["A2", "1", "4.0", "20"], ["A2", "007", "1.0", "10"]
    text = "".join(separator.join(row) + "\n" for row in rows)
    columns = "user=1,item=2,rating=3,time=4"
    table = read(tmp_path, text, suffix, columns=columns, min_rating=4)
    assert pairs_of(table) == [("A1", "007"), ("A2", "1")]
    assert table.timestamp.tolist() == [30, 20]
    assert "1 of 3 rows of" in table.notes[0]
    assert "have a rating below 4; they were left out" in table.notes[0]


def test_numbers_name_the_columns_of_a_table_that_has_names(tmp_path):
    pl.DataFrame({"0": ["a"], "1": ["x"]}).write_parquet(tmp_path / "table.parquet")
    table = read_interactions(tmp_path / "table.parquet", columns="user=0,item=1")
    assert pairs_of(table) == [("a", "x")]


def test_a_header_is_not_a_row(tmp_path):
    text = "userId,movieId,rating\n1,2,3\n"
    with pytest.raises(
        InteractionsError, match=r"is a header: 'userId', .*; pass columns='user=userId,item=movie"
    ):
        read(tmp_path, text, columns="user=1,item=2")


RATED = "user_id,item_id,rating\na,x,5\na,y,2.5\nb,x,3\nb,x,4\nc,z,3.5\n"


def test_low_ratings_are_dropped_and_counted(tmp_path):
    table = read(tmp_path, RATED, min_rating=3.5)
    assert pairs_of(table) == [("a", "x"), ("b", "x"), ("c", "z")]  # b liked x in the end
    (note,) = table.notes
    assert "2 of 5 rows of" in note
    assert "have a rating below 3.5; they were left out" in note
    assert read(tmp_path, RATED, min_rating=2).num_duplicates == 1


def test_a_note_says_that_ratings_are_ignored(tmp_path):
    table = read(tmp_path, RATED)
    assert len(table) == 4
    assert "every row counts as an interaction; `min_rating` leaves low ones out" in table.notes[0]


def test_a_rating_is_as_high_as_it_is_stored(tmp_path):
    """In float32, 0.1 is slightly more than 0.1, and 0.7 slightly less."""
    table = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"], "rating": [0.1, 0.7]})
    table.with_columns(pl.col("rating").cast(pl.Float32)).write_parquet(tmp_path / "table.parquet")
    assert len(read_interactions(tmp_path / "table.parquet", min_rating=0.1)) == 2
    assert len(read_interactions(tmp_path / "table.parquet", min_rating=0.7)) == 1


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (RATED, {"min_rating": 6}, "none of 5 rows .* has a rating of 6 or more; the highest is 5"),
        (RATED, {"min_rating": float("nan")}, "min_rating is nan; it must be a finite"),
        (RATED + "c,x,\n", {"min_rating": 1}, "1 of 6 rows .* a rating that .* as an empty one"),
        (
            RATED + "c,x,nan\n",
            {"min_rating": 1},
            "1 of 6 rows .* a rating that .* as 'nan'; a number",
        ),
        (RATED, {"columns": "time=when"}, "no column when; it has: 'user_id'"),
        (
            "user_id,item_id\na,b\n",
            {"min_rating": 1},
            "no column rating; .* pass columns='rating=COLUMN', or leave `min_rating` out",
        ),
        (
            "userId,movieId,rating\n1,2,3\n",
            {},
            "has: 'userId', 'movieId', 'rating'; pass columns='user=userId,item=movieId",
        ),
        ("A1,B1\nA2,B2\n", {}, "or columns='user=1,item=2' if there is no header"),
        ("A1,B1\n", {"columns": "user=0,item=1"}, "no column 0; .* are counted from 1"),
        ("A1,B1\n,B1\n", {"columns": "user=1,item=2"}, "1 of 2 rows .* have no user_id"),
        ("A1\n", {"columns": "user=1,item=2"}, "no column 2; .* its columns by commas or tabs"),
    ],
)
def test_columns_and_ratings_that_do_not_fit_are_refused(tmp_path, text, options, message):
    with pytest.raises(InteractionsError, match=message):
        read(tmp_path, text, **options)


def test_ids_keep_zeros_spaces_and_signs(tmp_path):
    table = read(tmp_path, 'user_id,item_id\n007, a \n7,"a,b"\n07,дом\n')
    assert pairs_of(table) == [("007", " a "), ("7", "a,b"), ("07", "дом")]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    assert pairs_of(read(tmp_path, "\ufeffuser_id,item_id\n1,2\n")) == [("1", "2")]


def test_numbers_in_json_lines_are_ids_and_times(tmp_path):
    text = '{"user_id": 7, "item_id": "007", "timestamp": 3, "x": [1]}\n'
    text += '{"user_id": 123456789012345678901, "item_id": "b", "timestamp": 3.5}\n'
    table = read(tmp_path, text, ".jsonl")
    assert pairs_of(table) == [("7", "007"), ("123456789012345678901", "b")]
    assert table.timestamp.tolist() == [3, 3.5]


def test_whole_numbers_in_parquet_are_ids_and_fractions_are_not(tmp_path):
    pl.DataFrame({"user_id": [7], "item_id": ["a"]}).write_parquet(tmp_path / "whole.parquet")
    assert pairs_of(read_interactions(tmp_path / "whole.parquet")) == [("7", "a")]
    pl.DataFrame({"user_id": [7.0], "item_id": ["a"]}).write_parquet(tmp_path / "real.parquet")
    with pytest.raises(InteractionsError, match=r"user_id of .* is Float64; ids are text or whole"):
        read_interactions(tmp_path / "real.parquet")


@pytest.mark.parametrize(
    ("written", "dtype", "expected"),
    [
        (["2000000000000000001", "2"], np.int64, [2000000000000000001, 2]),  # nanoseconds stay
        (["1.5", "2"], np.float64, [1.5, 2]),
        (["1970-01-01", "1970-01-02"], np.float64, [0, 86_400]),
        (["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z"], np.float64, [1, 1.5]),
        (["1970-01-01T02:00:00+02:00", "1970-01-01T00:00:09+00:00"], np.float64, [0, 9]),
    ],
)
def test_times_are_numbers_or_iso_dates(tmp_path, written, dtype, expected):
    rows = "".join(f"u{index},i,{time}\n" for index, time in enumerate(written))
    table = read(tmp_path, f"user_id,item_id,timestamp\n{rows}")
    assert table.timestamp.dtype == dtype
    assert table.timestamp.tolist() == expected


@pytest.mark.parametrize("moment", [date(1970, 1, 2), datetime(1970, 1, 2, tzinfo=UTC)])
def test_dates_in_parquet_are_seconds(tmp_path, moment):
    table = pl.DataFrame({"user_id": ["u"], "item_id": ["i"], "timestamp": [moment]})
    table.write_parquet(tmp_path / "table.parquet")
    assert read_interactions(tmp_path / "table.parquet").timestamp.tolist() == [86_400]


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("", ".csv", "is empty"),
        ("user_id,item_id\n", ".csv", "a header and no rows"),
        (
            "user,item_id\n1,2\n",
            ".csv",
            "no column user_id; it has: 'user', 'item_id'; pass columns='user=user'",
        ),
        ("user_id, item_id\n1,2\n", ".csv", "no column item_id; it has: 'user_id', ' item_id'"),
        ("PK\x03\x04", ".xlsx", "is a spreadsheet; export it as CSV"),
        ("PK\x03\x04", ".csv", "is a ZIP file; unpack it"),
        ('user_id,item_id\n"",x\n,x\na,x\n', ".csv", "2 of 3 rows of .* have no user_id.* row 1"),
        (
            "user_id,item_id\na,x\na,x,y\n",
            ".csv",
            r"separated by commas: line 3 has 3 columns where the first line has 2: a,x,y",
        ),
        ("nonsense\n", ".jsonl", "cannot be read as jsonl"),
        ("nonsense", ".parquet", "cannot be read as parquet"),
        ("", ".jsonl", "is empty"),
        (
            "user_id,item_id,timestamp\na,x,5\na,y,2024-01-01\n",
            ".csv",
            "1 of 2 rows .* a timestamp that cannot be read, such as '2024-01-01'; "
            "either numbers or ISO dates are expected",
        ),
        (
            "user_id,item_id,weight\na,x,nan\n",
            ".csv",
            "a weight .* such as 'nan'; a number is expected",
        ),
    ],
)
def test_unusable_tables_are_refused_with_the_reason(tmp_path, text, suffix, message):
    with pytest.raises(InteractionsError, match=message):
        read(tmp_path, text, suffix)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_in_another_encoding_is_refused_with_its_fix(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes("user_id,item_id\né,1\n".encode(encoding))
    with pytest.raises(InteractionsError, match="save it as UTF-8"):
        read_interactions(path)


def test_a_note_says_that_weights_are_ignored(tmp_path):
    table = read(tmp_path, "user_id,item_id,weight\n1,2,0.5\n")
    assert table.weight.tolist() == [0.5]
    assert "no model of mmgcn uses them" in table.notes[0]


def test_a_missing_file_is_an_error_that_names_the_option(tmp_path):
    with pytest.raises(InteractionsError, match=r"no interactions at .*; pass interactions='FILE'"):
        read_interactions(tmp_path / "nowhere.csv")


def test_duplicates_are_counted(tmp_path):
    table = read(tmp_path, "user_id,item_id\n1,2\n1,2\n1,3\n1,2\n")
    assert pairs_of(table) == [("1", "2"), ("1", "3")]
    assert "2 duplicate pairs" in table.notes[0]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (gzip.compress(b"user_id,item_id\n1,2\n"), "t.csv.gz", "compressed with gzip; .* gunzip"),
        (b"\x80\x04\x95", "t.pkl", "looks like a pickle, which is never loaded"),
        (b'[{"user_id": 1}]', "t.jsonl", "is one JSON array; write one object per line"),
        (b"1 2 3\n", "u.data", "if there is no header"),
    ],
    # The bytes of gzip contain the time, and every process must collect the same ids.
    ids=["gzip", "pickle", "array", "no-header"],
)
def test_other_files_are_recognised_by_their_content(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InteractionsError, match=message):
        read_interactions(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "name", "columns"),
    [
        ("196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "u.data", MOVIELENS),
        ("196::242::3::881250949\n186::302::3::891717742\n", "ratings.dat", MOVIELENS),
        ("user_id;item_id;timestamp\n196;242;881250949\n186;302;891717742\n", "t.csv", ""),
        ("user_id,item_id,timestamp\n196,242,881250949\n186,302,891717742\n", "t.tsv", ""),
        (
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            "196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
            "ml.inter",
            "",
        ),
    ],
)
def test_tables_of_public_data_sets_are_read_whatever_their_suffix(tmp_path, text, name, columns):
    (tmp_path / name).write_text(text)
    table = read_interactions(tmp_path / name, columns=columns)
    assert pairs_of(table) == [("196", "242"), ("186", "302")]
    assert table.timestamp.tolist() == [881250949, 891717742]


def test_a_table_without_a_header_gets_the_columns_of_movielens(tmp_path):
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n")
    with pytest.raises(InteractionsError, match=f"columns='{MOVIELENS}' if there is no header"):
        read_interactions(tmp_path / "u.data", columns="user=who,item=what")


@pytest.mark.parametrize(
    ("row", "columns", "time"),
    [
        ("7\t5", "user=1,item=2", None),
        ("7\t5\t4.5", "user=1,item=2,rating=3", None),
        ("7\t5\t881250949", "user=1,item=2,time=3", [881250949]),
        ("7\t5\t1\t881250949", MOVIELENS, [881250949]),
        ("7::5::1::881250949", MOVIELENS, [881250949]),
        ("\ufeff7,5", "user=1,item=2", None),
    ],
)
def test_numbers_without_a_header_are_read_by_position_with_a_note(tmp_path, row, columns, time):
    (tmp_path / "u.data").write_text(f"{row}\n", encoding="utf-8")
    table = read_interactions(tmp_path / "u.data")
    assert pairs_of(table) == [("7", "5")]
    assert (None if table.timestamp is None else table.timestamp.tolist()) == time
    assert "u.data has no header; its columns are read as user, item" in table.notes[0]
    assert table.notes[0].endswith(f"as with columns='{columns}'")


def test_ratings_without_a_header_can_be_filtered(tmp_path):
    (tmp_path / "u.data").write_text("1\t2\t3\t90\n1\t3\t5\t91\n")
    assert pairs_of(read_interactions(tmp_path / "u.data", min_rating=4)) == [("1", "3")]


@pytest.mark.parametrize("row", ["1,2,3,4,5", "a,2", "1,2,x", "1.5,2"])
def test_other_first_lines_are_a_header(tmp_path, row):
    (tmp_path / "t.csv").write_text(f"{row}\n{row}\n")
    with pytest.raises(InteractionsError, match="no column user_id and no column item_id"):
        read_interactions(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("user_id,item_id\na,b\nc\n", "t.csv", "line 3 has 1 columns .* first line has 2: c$"),
        ("user_id,item_id,timestamp\na,b,1\nc,d\n", "t.csv", "line 3 has 2 columns .* 3: c,d$"),
        ("1::2::3::4\n1::3::5\n", "r.dat", "line 2 has 3 columns .* first line has 4: 1::3::5$"),
    ],
)
def test_a_row_that_is_too_short_is_reported_with_its_line(tmp_path, text, name, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InteractionsError, match=message):
        read_interactions(tmp_path / name)


@pytest.mark.parametrize("items", ["1 2 3", "4, 5"])
def test_sequences_of_items_are_not_read_as_one_item(tmp_path, items):
    with pytest.raises(InteractionsError, match=r"are lists of items, such as .* one row per user"):
        read(tmp_path, f"user_id\titem_id\n1\t{items}\n2\t7 8\n", ".tsv")


def test_ambiguous_dates_need_a_format(tmp_path):
    text = "user_id,item_id,timestamp\na,x,01/02/1970\nb,x,03/02/1970\n"
    with pytest.raises(
        InteractionsError, match=r"2 of 2 rows .* need a format, such as time_format='%d"
    ):
        read(tmp_path, text)
    day = 86_400
    assert read(tmp_path, text, time_format="%d/%m/%Y").timestamp.tolist() == [31 * day, 33 * day]
    assert read(tmp_path, text, time_format="%m/%d/%Y").timestamp.tolist() == [day, 60 * day]
    with pytest.raises(InteractionsError, match="times of the format %Y/%m/%d are expected"):
        read(tmp_path, text, time_format="%Y/%m/%d")
    with pytest.raises(TimeError, match="time_format is 'dmy'; it must be a format"):
        read(tmp_path, text, time_format="dmy")
    with pytest.raises(InteractionsError, match=r"time_format is given, and .* no timestamp"):
        read(tmp_path, "user_id,item_id\na,x\n", time_format="%Y")


def test_mixed_seconds_and_milliseconds_are_refused(tmp_path):
    text = "user_id,item_id,timestamp\na,x,1700000000\nb,x,1700000000000\n"
    with pytest.raises(InteractionsError, match=r"seconds since 1970.* milliseconds.* to one unit"):
        read(tmp_path, text)
    assert len(read(tmp_path, text.replace("1700000000000", "1700000001"))) == 2
