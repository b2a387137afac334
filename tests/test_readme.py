"""The package that README.md shows can be typed in as it stands."""

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np

from extract.encoder import Encoder
from extract.media.blocks import Frames
from extract.modality import Modality

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(language, holding):
    """The one block of that language that holds a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (found,) = (text for text in blocks if holding in text)
    return found


def test_the_package_of_the_readme_names_itself_and_what_it_brings(tmp_path, monkeypatch):
    (tmp_path / "mmgcn_colour.py").write_text(block("python", "MODALITY ="), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    project = tomllib.loads(block("toml", "mmgcn.modalities"))["project"]
    assert {"name", "version"} < set(project)  # pip refuses a package that lacks one

    groups = {
        group: [EntryPoint(name, value, group).load() for name, value in entries.items()]
        for group, entries in project["entry-points"].items()
    }
    (modality,), (encoder,) = groups["mmgcn.modalities"], groups["mmgcn.encoders"]
    assert isinstance(modality, Modality)
    assert issubclass(encoder, Encoder)
    assert modality.encoders == (encoder.name,)


def test_the_encoder_of_the_readme_gives_the_mean_colour_of_each_frame(tmp_path, monkeypatch):
    held = {}
    exec(block("python", "MODALITY ="), held)
    pictures = np.zeros((2, 4, 4, 3), np.uint8)
    pictures[1, :, :, 0] = 255
    made = held["MeanColour"]()
    made.load()
    rows = made.encode(made.prepare(Frames(pictures, np.array([0.5, 1.5]))))
    np.testing.assert_array_equal(rows, [[0, 0, 0], [1, 0, 0]])
    assert rows.dtype == np.float32
