"""Parts of clips from tasks of Ray are joined in order, with everything that belongs to a row."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from extract.cluster.pool import _Clips
from extract.cluster.tasks import Decode, units_column
from extract.config import ExtractConfig
from extract.workers.messages import Decoded, Job, RowsOf, Setup, UnitsOf
from extract.workers.wire import pack, unpack


def test_windows_of_frames_keep_their_start_and_end():
    job = Job(0, "clip", Path("clip.mp4"), (0,))
    decode = Decode(Setup((None,), False, ExtractConfig()), [0], None)
    windows = [
        UnitsOf(0, 0, np.full((1, 4, 3), number, np.uint8), np.array([[number, number + 1.5]]))
        for number in range(3)
    ]
    parts = [decode._part(job, 0, {0: windows[:2]}, None)]
    parts.append(decode._part(job, 1, {0: windows[2:]}, Decoded(0)))
    clips = _Clips({0: job}, [SimpleNamespace(dim=1)])
    found = []
    for table in reversed(parts):  # they arrive in any order
        units = unpack(table[units_column(0)][0].as_buffer())
        rows = RowsOf(0, 0, units.units[:, 0, :1].astype(np.float32), units.pts_seconds)
        column = pa.array([pack(rows)], pa.large_binary())
        position = table.column_names.index(units_column(0))
        found += clips.take(table.set_column(position, units_column(0), column), [0])
    rows, end = found
    assert end == Decoded(0)
    assert rows.rows.tolist() == [[0], [1], [2]]
    assert rows.pts_seconds.tolist() == [[0, 1.5], [1, 2.5], [2, 3.5]]
