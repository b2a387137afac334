"""The demo data is as assets/README.md describes it."""

import csv
from collections import Counter
from pathlib import Path

import av
import pytest

ASSETS = Path(__file__).parent.parent / "assets"
VIDEOS = sorted((ASSETS / "videos").iterdir())


def table(name: str) -> list[dict[str, str]]:
    with (ASSETS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def streams(path: Path) -> dict[str, str]:
    """The codec of each kind of stream."""
    with av.open(str(path)) as container:
        return {stream.type: stream.codec_context.name for stream in container.streams}


def test_the_assets_are_smaller_than_ten_megabytes():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 10_000_000


def test_clips_are_short_and_vertical_and_all_but_one_can_be_read():
    kinds, broken = Counter(), []
    for path in VIDEOS:
        try:
            with av.open(str(path)) as container:
                video = container.streams.video[0]
                assert video.width < video.height
                assert 1.9 <= container.duration / 1e6 <= 6.2
            found = streams(path)
        except av.error.FFmpegError:
            broken.append(path.stem)
            continue
        assert found["video"] == "h264"
        kinds[found.get("audio", "silent")] += 1
    assert broken == ["clip-072"]
    assert kinds == {"aac": 66, "silent": 5}


def test_captions_and_meanings_belong_to_clips():
    ids = {path.stem for path in VIDEOS}
    assert {row["item_id"] for row in table("meanings.csv")} == ids
    captioned = {row["item_id"] for row in table("captions.csv")}
    assert captioned < ids
    assert len(ids - captioned) == 5


def test_interactions_are_unique_pairs_of_users_and_existing_clips():
    ids, views = {path.stem for path in VIDEOS}, table("interactions.csv")
    pairs = [(row["user_id"], row["item_id"]) for row in views]
    assert len(set(pairs)) == len(pairs)
    assert {item for _, item in pairs} <= ids
    users = Counter(user for user, _ in pairs)
    assert len(users) == 200
    assert "42" in users
    assert min(users.values()) >= 8


@pytest.mark.parametrize("modality", ["scene", "sound", "purpose"])
def test_interactions_depend_on_each_meaning(modality):
    """The most watched value of a user takes a larger share than it would by chance."""
    meaning = {row["item_id"]: row[modality] for row in table("meanings.csv")}
    watched: dict[str, Counter[str]] = {}
    for row in table("interactions.csv"):
        if meaning[row["item_id"]]:
            watched.setdefault(row["user_id"], Counter())[meaning[row["item_id"]]] += 1
    share = [max(c.values()) / sum(c.values()) for c in watched.values()]
    assert sum(share) / len(share) > 2 / len(set(meaning.values()) - {""})
