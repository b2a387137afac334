"""Names of columns in tables of other data sets."""

import shlex

import pytest

from extract.commands.usage import in_flags
from mmgcn.data.columns import Columns, ColumnsError, columns_argument

MOVIELENS = ["userId", "movieId", "rating", "timestamp"]
AMAZON = ["reviewerID", "asin", "helpful", "overall", "unixReviewTime"]
KUAIREC = ["user_id", "video_id", "play_duration", "video_duration", "timestamp", "watch_ratio"]
YELP = ["review_id", "user_id", "business_id", "stars", "date"]


def test_unnamed_columns_have_their_default_names():
    columns = Columns.parse("item=movieId, time=when")
    assert [columns.name(role) for role in ("user", "item", "time", "rating")] == [
        *("user_id", "movieId", "when", "rating")
    ]
    assert Columns.parse("") == Columns()


def test_a_name_may_contain_spaces_and_symbols():
    columns = Columns.parse("user= user id,item=a=b")
    assert (columns.name("user"), columns.name("item")) == (" user id", "a=b")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("userId", "'userId' is not ROLE=COLUMN, for example user=userId,item=movieId"),
        ("user=", "'user=' is not ROLE=COLUMN"),
        ("usr=userId", "no column has the role 'usr'; did you mean user"),
        ("price=cost", "no column has the role 'price'; known: user, item, time, rating"),
        ("user=a,user=b", "names two columns for user"),
        ("user=a,item=a", "names the column 'a' twice"),
    ],
)
def test_invalid_columns_are_refused(words, message):
    with pytest.raises(ColumnsError, match=message):
        Columns.parse(words)


@pytest.mark.parametrize(
    ("words", "are_positions"), [("user=1,item=2", True), ("user=1,item=b", False), ("", False)]
)
def test_numbers_alone_are_positions(words, are_positions):
    assert Columns.parse(words).are_positions is are_positions


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (MOVIELENS, "user=userId,item=movieId"),
        (AMAZON, "user=reviewerID,item=asin,time=unixReviewTime,rating=overall"),
        (KUAIREC, "item=video_id,rating=watch_ratio"),
        (YELP, "item=business_id,time=date,rating=stars"),
        (["User ID", " item_id"], "user=User ID,item= item_id"),
        (["uid", "x"], "user=uid,item=COLUMN"),
    ],
)
def test_the_option_for_a_known_table_is_suggested(names, words):
    named = columns_argument(Columns().guessed(names))
    assert named == f"columns='{words}'"
    typed = shlex.split(in_flags(named, {"columns": "--columns"}))
    assert typed == ["--columns", words]
    if "COLUMN" not in words:
        columns = Columns.parse(typed[1])
        assert {columns.name("user"), columns.name("item")} <= set(names)


def test_given_columns_that_exist_are_kept_in_the_suggestion():
    guessed = Columns.parse("user=rating").guessed(MOVIELENS)
    assert guessed == {"user": "rating", "item": "movieId"}
