"""Optional dependencies: an error names the extra before any work is done."""

import sys

import numpy as np
import pytest

from extract import ExtractConfig, Item, extract_features
from extract.encoders.wav2vec2 import Wav2Vec2
from extract.extras import require
from extract.workers.poster import write_poster


@pytest.fixture
def without(monkeypatch):
    """Make modules appear not to be installed."""

    def remove(*names):
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return remove


def test_a_module_that_is_installed_is_not_imported():
    require("this", purpose="a test", extra="dev")  # importing it would print a poem
    assert "this" not in sys.modules


def test_a_poster_without_opencv_names_the_extra(without, tmp_path):
    without("cv2")
    with pytest.raises(ImportError, match=r"a poster needs cv2; install it with: .*\[posters\]"):
        write_poster(tmp_path, "clip", np.zeros((4, 4, 3), np.uint8))


def test_posters_without_opencv_are_refused_before_extraction(without, tmp_path):
    without("cv2")
    config = ExtractConfig(modalities=["textual"], posters=tmp_path / "posters")
    with pytest.raises(ImportError, match=r"posters needs cv2"):
        extract_features([Item("a", None, "a caption")], tmp_path / "features", config)
    assert not (tmp_path / "features").exists()


def test_wav2vec2_without_torchaudio_names_the_extra(without):
    without("torchaudio")
    with pytest.raises(ImportError, match=r"wav2vec2 needs torchaudio; .*\[wav2vec2\]"):
        Wav2Vec2().load()
