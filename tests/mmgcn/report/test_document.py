"""Documents on disk."""

import os

import polars as pl
import pytest

from mmgcn.report.document import write_document
from mmgcn.serving.table_file import write_table
from tests.full_disk import small_files


def test_a_document_that_does_not_fit_the_disk_is_an_error_with_its_path(tmp_path):
    path = tmp_path / "report.html"
    with small_files(), pytest.raises(OSError, match=f"{path} cannot be written: File too large"):
        write_document(path, "x" * 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_that_does_not_fit_the_disk_is_an_error_with_its_path(tmp_path, suffix):
    path, table = tmp_path / f"lists{suffix}", pl.DataFrame({"item_id": [*map(str, range(1000))]})
    with small_files(), pytest.raises(OSError, match=f"{path} cannot be written: .*too large"):
        write_table(path, iter([table]))
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_not_replaced_by_a_document(tmp_path):
    path = tmp_path / "pipe.html"
    os.mkfifo(path)
    with pytest.raises(OSError, match=f"{path} is not a regular file; name another"):
        write_document(path, "text")
    assert path.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe.html"]
