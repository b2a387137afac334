"""Records: the same bytes for the same record, and damaged lines."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.store.records import Record, read_records, record_line

TEXTS = st.text(st.characters(), max_size=20)
TIMES = st.floats(0, 1e6).map(lambda seconds: round(seconds, 6))
RECORDS = st.builds(
    Record,
    id=TEXTS.filter(bool),
    source=TEXTS,
    size_bytes=st.integers(0, 2**63),
    mtime_ns=st.integers(0, 2**63),
    status=st.sampled_from(["done", "partial", "missing", "failed"]),
    reason=TEXTS.filter(bool) | st.none(),
    rows=st.integers(0, 9),
    seconds=TIMES | st.none(),
    pts_seconds=st.lists(TIMES, max_size=4).map(tuple),
    end_seconds=st.lists(TIMES, max_size=4).map(tuple),
)


@given(st.lists(RECORDS, max_size=5))
def test_records_come_back_in_order(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    path.write_bytes(b"".join(map(record_line, records)))
    assert list(read_records(path)) == records


@given(RECORDS)
def test_a_record_is_one_line_of_the_same_bytes_each_time(record):
    line = record_line(record)
    assert line.count(b"\n") == 1
    assert line == record_line(replace(record))


@given(st.lists(RECORDS, min_size=2, max_size=4, unique_by=lambda record: record.id), st.data())
def test_a_truncated_line_loses_only_its_record(tmp_path_factory, records, data):
    lines = [record_line(record) for record in records]
    truncated = data.draw(st.integers(0, len(lines) - 1))
    lines[truncated] = (
        lines[truncated][: data.draw(st.integers(0, len(lines[truncated]) - 2))] + b"\n"
    )
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    path.write_bytes(b"".join(lines))
    assert list(read_records(path)) == records[:truncated] + records[truncated + 1 :]


@pytest.mark.parametrize(
    "line",
    [
        *(b"\x00" * 40, b"12", b'["id"]', b"{}", b'{"pts_seconds":1}', b"\xff", b"[" * 100_000),
        *(b'{"id":["c"]}', b'{"id":"c","status":"dond"}', b'{"id":"c","status":[]}'),
        b'{"id":"c","rows":"9"}',
    ],
)
def test_a_line_that_is_not_a_record_is_skipped(tmp_path, line):
    path = tmp_path / "records.jsonl"
    path.write_bytes(record_line(Record("a")) + line + b"\n" + record_line(Record("b")))
    assert [record.id for record in read_records(path)] == ["a", "b"]


def test_fields_of_a_later_version_are_ignored(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"colour":"red","id":"a","rows":3}\n')
    assert list(read_records(path)) == [Record("a", rows=3)]


def test_without_a_file_there_are_no_records(tmp_path):
    assert list(read_records(tmp_path / "records.jsonl")) == []


@pytest.mark.parametrize("line", ['{"id":5}', "{}", "[]", "5", '{"id":null,"rows":1}'])
def test_a_line_with_other_json_is_skipped(tmp_path, line):
    path = tmp_path / "records.jsonl"
    path.write_bytes(line.encode() + b"\n" + record_line(Record("a")))
    assert list(read_records(path)) == [Record("a")]
