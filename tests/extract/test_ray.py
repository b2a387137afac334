"""Extraction on Ray: the same store as on one machine, whatever dies on the way."""

import numpy as np
import pytest

from extract import extract_features, read_catalog
from extract.pipeline import Cluster
from tests.clips import Sound, make_clip
from tests.encoders import Reaper, Shade, registered

pytestmark = pytest.mark.usefixtures("ray_of_two_cpus")


@pytest.fixture(autouse=True)
def encoders():
    with registered(Shade, Reaper):
        yield


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Clips with and without sound and titles, one bright, one of sound alone, one broken."""
    folder = tmp_path_factory.mktemp("videos")
    for count in (1, 5, 9):
        make_clip(folder / f"clip{count}.mp4", num_frames=count, sound=Sound(seconds=count / 4))
    make_clip(folder / "bright.mp4", num_frames=3, picture=bright, title="so bright")
    make_clip(folder / "sound.mp4", num_frames=0, sound=Sound(seconds=1))
    (folder / "broken.mp4").write_bytes(b"no video at all")
    (folder / "clip5.txt").write_text("five frames")
    return folder


def bright(_index, width, height):
    return np.full((height, width, 3), 250, dtype=np.uint8)


def extract(videos, store, *, encoder="shade", cluster=None, **more):
    more = {"modalities": ["thing", "acoustic"], "preset": "offline"} | more
    return extract_features(
        read_catalog(videos).items,
        store,
        root=videos,
        encoders={"thing": encoder},
        device="cpu",
        workers=1,
        cluster=cluster,
        **more,
    )


def tree(folder):
    """Every file of the store by its path; what names this machine's run is left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_the_store_is_that_of_the_local_engine_byte_by_byte(videos, tmp_path):
    local = extract(videos, tmp_path / "local")
    ray = extract(videos, tmp_path / "ray", cluster=Cluster())
    assert ray.counts == local.counts
    assert ray.counts["thing"]["done"] == 4
    assert ray.counts["thing"]["failed"] == 1
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert extract(videos, tmp_path / "ray", cluster=Cluster(), dry_run=True).planned == 0
