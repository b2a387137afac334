"""Histories from a table, from feedback in a database, or from both."""

import sys
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from mmgcn.data.events import EventsError, events, make_engine, metadata, parse_weights, read_events
from mmgcn.data.history import read_history
from mmgcn.data.interactions import InteractionsError


@pytest.fixture
def feedback(tmp_path):
    """Write events (user, item, kind, seconds), one each second from 1,000 seconds after 1970."""
    url = f"sqlite:///{tmp_path}/feedback.db"
    engine = make_engine(url, poolclass=sa.NullPool)
    metadata.create_all(engine)

    def write(*rows):
        with engine.begin() as connection:
            for index, (user, item, kind, seconds) in enumerate(rows):
                moment = datetime.fromtimestamp(1000 + index, UTC)
                connection.execute(
                    sa.insert(events).values(
                        user_id=user, item_id=item, event=kind, seconds=seconds, created_at=moment
                    )
                )
        return url

    return write


def pairs(read):
    """The pairs with their weights, in order."""
    users, items = read.users.ids, read.items.ids
    return [
        (users[int(user)], items[int(item)], float(weight))
        for user, item, weight in zip(read.user_index, read.item_index, read.weight, strict=True)
    ]


def test_the_weight_of_a_pair_is_the_sum_of_its_events(feedback):
    url = feedback(
        ("ann", "a", "impression", None),  # 0: shown is not watched
        ("ann", "b", "play", 0.6),  # 0, twice: looking is not watching
        ("ann", "b", "play", 9.9),
        ("ann", "c", "play", 60.0),  # 1: longer is no more
        ("ann", "d", "play", None),  # 1
        ("ann", "e", "play", 10.0),  # 1 - 1: skipped
        ("ann", "e", "skip", None),
        ("bob", "c", "like", None),  # 2 + 0
        ("bob", "c", "play", 2.5),
    )
    read = read_history(url)
    assert pairs(read) == [
        ("ann", "c", 1.0),
        ("ann", "d", 1.0),
        ("bob", "c", 2.0),
    ]
    assert read.timestamp.tolist() == [1003, 1004, 1007]
    assert read.skipped.rows() == [("ann", "e")]
    (note,) = read.notes
    assert note == (
        "feedback on 6 pairs of a user and an item; 3 pairs without a positive weight do not "
        "count; 1 skipped items are left out of their users' lists"
    )


def test_weights_can_be_given(feedback):
    url = feedback(("ann", "a", "impression", None), ("ann", "b", "like", None))
    assert pairs(read_history(url, event_weights="impression=0.5, like=-1")) == [("ann", "a", 0.5)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("likes=2", "no kind of event is called 'likes'; did you mean like"),
        ("love=2", "no kind of event is called 'love'"),
        ("like", "'like' is not KIND=NUMBER"),
        ("like=much", "'like=much' is not KIND=NUMBER"),
        ("like=nan", "'like=nan' is not KIND=NUMBER"),
        (
            "unlike=-2",
            "'unlike' has no weight of its own: it cancels earlier events of the kind like",
        ),
        ("unskips=1", "no kind of event is called 'unskips'; did you mean skip"),
    ],
)
def test_invalid_event_weights_are_refused(words, message):
    with pytest.raises(EventsError, match=message):
        parse_weights(words)


@pytest.mark.parametrize(
    ("kinds", "weight", "time"),  # the first at 1,000 seconds
    [
        ("like like", 4, 1000),
        ("like unlike", 0, None),
        ("like like unlike", 0, None),
        ("like unlike like", 2, 1002),
        ("unlike like", 2, 1001),  # there was nothing to take back
        ("play like unlike", 1, 1000),
        ("like unlike play", 1, 1002),
        ("like skip unlike", -1, None),
        ("like skip unskip", 2, 1000),
        ("skip unlike", -1, None),
        ("unskip", 0, None),
    ],
)
def test_cancelled_events_have_no_weight_and_no_time(feedback, kinds, weight, time):
    url = feedback(*(("ann", "a", kind, None) for kind in kinds.split()))
    assert read_events(url).drop("skipped").rows() == [("ann", "a", weight, time)]


@pytest.mark.parametrize(
    ("kinds", "skipped"),
    [
        ("skip", True),
        ("play skip", True),
        ("skip unskip", False),
        ("skip unskip skip", True),
        ("like skip", False),  # 2 - 1: watched, and so left out of lists as well
        ("like skip unlike", True),
        ("impression", False),
    ],
)
def test_a_skip_counts_until_it_is_cancelled_or_outweighed(feedback, kinds, skipped):
    url = feedback(*(("ann", "a", kind, None) for kind in kinds.split()))
    assert read_events(url)["skipped"].to_list() == [skipped]


@pytest.mark.parametrize(
    ("seconds", "share", "weight"),
    [
        (None, None, 1),
        (3.0, 0.5, 1),
        (3.0, 0.49, 0),
        (10.0, 0.1, 1),
        (None, 0.5, 1),
        (None, 0.4, 0),
        (9.9, None, 0),
    ],
)
def test_a_play_counts_from_half_of_the_video_or_ten_seconds(tmp_path, seconds, share, weight):
    url = f"sqlite:///{tmp_path}/plays.db"
    engine = make_engine(url)
    metadata.create_all(engine)
    play = {"user_id": "ann", "item_id": "a", "event": "play", "seconds": seconds, "share": share}
    with engine.begin() as connection:
        connection.execute(sa.insert(events).values(**play, created_at=datetime.now(UTC)))
    engine.dispose()
    assert read_events(url)["weight"].to_list() == [weight]


def test_an_unlike_cancels_likes_of_the_same_user_and_item(feedback):
    url = feedback(
        ("ann", "a", "like", None),
        ("ann", "b", "like", None),
        ("bob", "a", "like", None),
        ("ann", "a", "unlike", None),
        ("bob", "b", "unlike", None),
    )
    weights = {(user, item): weight for user, item, weight, *_ in read_events(url).rows()}
    assert weights == {("ann", "a"): 0, ("ann", "b"): 2, ("bob", "a"): 2, ("bob", "b"): 0}


def test_events_with_other_weights_are_cancelled_too(feedback):
    url = feedback(("ann", "a", "like", None), ("ann", "a", "unlike", None))
    assert read_events(url, parse_weights("like=5"))["weight"].to_list() == [0]


def test_feedback_is_added_to_a_table(feedback, tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("user_id,item_id,timestamp\nann,a,10\nbob,a,11\nbob,b,12\n")
    url = feedback(
        ("ann", "a", "skip", None),  # 1 - 1: taken back
        ("bob", "a", "like", None),  # 1 + 2
        ("cy", "c", "play", None),  # new
    )
    read = read_history(str(table), feedback=url)
    assert pairs(read) == [("bob", "a", 3.0), ("bob", "b", 1.0), ("cy", "c", 1.0)]
    assert read.timestamp.tolist() == [11, 12, 1002]


def test_a_cancelled_skip_keeps_the_row_of_the_table(feedback, tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("user_id,item_id\nann,a\nann,b\n")
    url = feedback(
        ("ann", "a", "skip", None),
        ("ann", "b", "unlike", None),
        ("ann", "a", "unskip", None),
    )
    assert pairs(read_history(str(table), feedback=url)) == [("ann", "a", 1.0), ("ann", "b", 1.0)]


def test_feedback_follows_a_table_without_times(feedback, tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("user_id,item_id\nann,b\nann,a\n")
    read = read_history(str(table), feedback=feedback(("ann", "c", "like", None)))
    assert pairs(read) == [("ann", "b", 1.0), ("ann", "a", 1.0), ("ann", "c", 2.0)]
    assert read.timestamp is None


def test_a_table_alone_is_read_as_it_is(tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("user_id,item_id\nann,b\n")
    assert read_history(str(table)).weight is None


def test_the_columns_and_ratings_of_a_table_apply_beside_feedback(feedback, tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("who,item_id,rating\nann,b,5\nann,a,1\n")
    url = feedback(("ann", "c", "like", None))
    read = read_history(str(table), columns="user=who", min_rating=3, feedback=url)
    assert pairs(read) == [("ann", "b", 1.0), ("ann", "c", 2.0)]
    assert "1 of 2 rows" in read.notes[0]
    for options in ({"columns": "user=who"}, {"min_rating": 0}):
        with pytest.raises(
            InteractionsError, match="leave `columns`, `min_rating` and `time_format` out"
        ):
            read_history(url, **options)


def test_tables_that_cannot_be_joined_are_refused(feedback, tmp_path):
    table = tmp_path / "watched.csv"
    table.write_text("user_id,item_id,timestamp\nann,b,1700000000000\n")
    url = feedback(("ann", "c", "like", None))
    with pytest.raises(InteractionsError, match="not seconds since 1970"):
        read_history(str(table), feedback=url)
    with pytest.raises(InteractionsError, match="is feedback already"):
        read_history(url, feedback=url)


def test_a_database_without_events_is_an_error_with_a_remedy(feedback, tmp_path):
    with pytest.raises(EventsError, match="contains no events yet"):
        read_events(feedback())
    with pytest.raises(InteractionsError, match=r"none of 1 pairs .* has a positive weight"):
        read_history(feedback(("ann", "c", "skip", None)))
    (tmp_path / "other.db").touch()
    with pytest.raises(EventsError, match=r"has no table feedback_events; `mmgcn serve"):
        read_events(f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(EventsError, match=r"no database at .*/none.db; `mmgcn serve"):
        read_events(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_text("this is no database" * 100)
    with pytest.raises(EventsError, match="cannot be read: file is not a database"):
        read_events(f"sqlite:///{tmp_path}/broken.db")


def test_without_the_extra_the_install_command_is_reported(monkeypatch):
    monkeypatch.delitem(sys.modules, "mmgcn.data.events")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(InteractionsError, match=r"needs sqlalchemy; install .*\[serve\]"):
        read_history("sqlite:///feedback.db")
