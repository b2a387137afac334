"""A folder of damaged files goes through a full extraction, and every file is accounted for.

`MEDIA_FUZZ_ROUNDS=1000 pytest tests/extract/pipeline/test_damaged.py` goes on for longer.
"""

import numpy as np
import pytest

from extract import read_catalogue
from extract.store import FeatureStore
from tests.clips import make_clip
from tests.encoders import Shade, registered
from tests.extract.media.test_fuzz import BASES, MUTATIONS, ROUNDS
from tests.extraction import extract_items


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4.avi"])
def test_every_damaged_file_is_accounted_for(tmp_path, name):
    make_clip(tmp_path / name, num_frames=20, **BASES[name])
    whole = (tmp_path / name).read_bytes()
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / f"whole-{name}").write_bytes(whole)
    for mutation in MUTATIONS:
        for seed in range(ROUNDS):
            damaged = mutation(bytearray(whole), np.random.default_rng(1000 + seed))
            (videos / f"{mutation.__name__}{seed}-{name}").write_bytes(damaged)
    items = read_catalogue(videos).items
    with registered(Shade):
        report = extract_items(
            items,
            tmp_path / "features",
            modalities=["thing", "acoustic"],
            preset="offline",
            encoders={"thing": "shade"},
            device="cpu",
            workers=2,
            clip_timeout_seconds=60,
        )
    store = FeatureStore(tmp_path / "features")
    for modality, counts in report.counts.items():
        assert sum(n for status, n in counts.items() if status != "skipped") == len(items)
        assert counts["not done"] == 0
        features = store.feature_set(modality)
        assert features.verify() == []
        for record in features.records.values():
            assert record.status == "done" or record.reason
            assert (record.rows > 0) == (record.status in ("done", "partial"))
    assert store.feature_set("thing").records[f"whole-{name.partition('.')[0]}"].status == "done"
