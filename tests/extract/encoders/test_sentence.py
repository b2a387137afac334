"""sentence: pooling, length, batches by length, and supported folders."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from extract.encoders.sentence import HUB, PACKAGE, Sentence, batches_by_length
from extract.weights import WrongWeights
from tests import networks


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(networks.weights("sentence"), tmp_path / "net"))


def write(folder, name, settings):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(settings))


def loaded(folder):
    encoder = Sentence(str(folder))
    encoder.load()
    return encoder


def states_of(folder, text, **more):
    """The states of a text's tokens, by the library alone."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        return network(**tokenizer(text, return_tensors="pt", **more)).last_hidden_state[0].numpy()


def of_length_one(row):
    return row / np.linalg.norm(row)


# --- with the weights that come as a package ---


@pytest.fixture(scope="module")
def minilm():
    return networks.loaded("sentence")


def test_captions_that_mean_the_same_are_near(minilm):
    texts = ["a cat plays the piano", "a kitten on the keys of a grand", "stocks fell on monday"]
    rows = minilm.encode(texts)
    assert rows.shape == (3, 384)
    near, far, _ = (rows @ rows.T)[np.triu_indices(3, 1)]
    assert near > 0.4 > 0.2 > far


def test_captions_are_truncated_to_256_tokens(minilm):
    assert minilm.provenance["max_tokens"] == 256
    long = " ".join(["cat"] * 254)  # and two that begin and end it
    rows = minilm.encode([long, f"{long} dog dog dog", f"dog {long}"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)
    assert not np.allclose(rows[0], rows[2], atol=1e-3)


def test_the_package_and_the_hub_promise_the_same_file():
    assert PACKAGE.sha256 == HUB.sha256
    assert Sentence().dim == Sentence("package").dim == Sentence("all-MiniLM-L6-v2").dim == 384


# --- with any folder ---


def test_a_row_is_the_mean_of_its_tokens_and_of_length_one(folder):
    texts = ["cat", "a cat plays the piano", "the dog , the cat"]
    rows = loaded(folder).encode(texts)
    for text, row in zip(texts, rows, strict=True):
        expected = of_length_one(states_of(folder, text).mean(axis=0))
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_a_folder_that_pools_by_its_first_token_is_read(folder):
    write(folder, "1_Pooling/config.json", {"pooling_mode_cls_token": True, "word": 3})
    encoder = loaded(folder)
    expected = of_length_one(states_of(folder, "a cat plays")[0])
    np.testing.assert_allclose(encoder.encode(["a cat plays"])[0], expected, atol=1e-5)
    assert encoder.provenance["pooling"] == "cls over the mask, normalised"


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"pooling_mode_max_tokens": True}, "pools by pooling_mode_max_tokens; mean or cls is ex"),
        ({"pooling_mode": ["mean", "cls"]}, "pools by mean and cls; mean or cls is expected"),
        ({"pooling_mode": "lasttoken"}, "pools by lasttoken; mean or cls is expected"),
    ],
)
def test_a_folder_that_pools_in_another_way_is_refused(folder, settings, match):
    write(folder, "1_Pooling/config.json", settings)
    with pytest.raises(WrongWeights, match=match):
        loaded(folder)


@pytest.mark.parametrize("kind", ["sentence_transformers.models.Dense", "my.Layer"])
def test_a_folder_with_layers_of_its_own_is_refused(folder, kind):
    write(folder, "modules.json", [{"idx": 0, "type": "a.Transformer"}, {"idx": 1, "type": kind}])
    with pytest.raises(WrongWeights, match=f"a layer of the kind {kind.rpartition('.')[2]}; a net"):
        loaded(folder)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("sentence_bert_config.json", {"max_seq_length": 5}, 5),
        ("sentence_bert_config.json", {"max_seq_length": None}, 16),
        ("tokenizer_config.json", {"model_max_length": 12}, 12),
        ("tokenizer_config.json", {"model_max_length": 10**30}, 16),  # the positions there are
    ],
)
def test_the_maximum_length_is_that_of_the_folder(folder, name, settings, expected):
    before = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
    write(folder, name, before | settings)
    encoder = loaded(folder)
    assert encoder.provenance["max_tokens"] == expected
    long = "a cat plays the piano " * 4
    states = states_of(folder, long, truncation=True, max_length=expected)
    assert len(states) == expected
    expected = of_length_one(states.mean(axis=0))
    np.testing.assert_allclose(encoder.encode([long])[0], expected, atol=1e-5)


def test_its_width_is_that_of_the_folder(folder):
    assert Sentence(str(folder)).dim == 24
    (folder / "config.json").write_text("{}")
    with pytest.raises(WrongWeights, match="net contains no sentence encoder"):
        _ = Sentence(str(folder)).dim


def test_a_folder_without_a_tokenizer_is_refused(folder):
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(
        WrongWeights, match=r"net contains no tokenizer: one of tokenizer\.json, voc"
    ):
        loaded(folder)


def test_an_empty_caption_has_a_row(minilm):
    assert np.isfinite(minilm.encode(["", " "])).all()


def test_no_captions_have_no_rows(minilm):
    assert minilm.encode([]).shape == (0, 384)


# --- batches ---


@given(st.lists(st.integers(1, 40)), st.integers(1, 80))
def test_batches_keep_to_the_budget_and_lose_none(lengths, budget):
    batches = batches_by_length(lengths, budget=budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
