"""st and hf for texts: rows are those of sentence-transformers, and of transformers."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from extract.encoders.sentence import PACKAGE
from extract.family import UnknownModel, encoder_named
from extract.weights import WrongWeights
from tests import small_models

TEXTS = ["a cat", "the dog plays the piano on monday , stocks fell on monday", "", "piano cats"]


def rows_of(words, texts=TEXTS, *, pooling=None):
    encoder = encoder_named(words, reads="text")
    encoder.pooling = pooling
    encoder.load()
    rows = encoder.encode([unit for text in texts for unit in encoder.prepare(text)])
    assert rows.shape == (len(texts), encoder.dim)
    return rows


def own_rows(folder, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return model.encode(TEXTS, **more)


@pytest.mark.parametrize(
    ("modules", "settings"),
    [
        (("Normalize",), {}),
        ((), {"pooling_mode": "cls"}),
        ((), {"pooling_mode": "max"}),
        ((), {"pooling_mode": "mean_sqrt_len_tokens"}),
        ((), {"pooling_mode": "weightedmean"}),
        ((), {"pooling_mode": "lasttoken"}),
        (("Dense", "Normalize"), {}),
        (("Normalize",), {"prompt": "the dog "}),
        ((), {"prompt": "the dog ", "include_prompt": False}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")  # of the library, while it saves
def test_rows_are_those_of_sentence_transformers(modules, settings):
    name = "-".join([*modules, *map(str, settings.values())]).replace(" ", "")
    folder = small_models.sentence_folder(name or "plain", *modules, **settings)
    np.testing.assert_allclose(rows_of(f"st:{folder}"), own_rows(folder), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_two_kinds_of_pooling_are_concatenated():
    folder = small_models.sentence_folder("two", pooling_mode=("cls", "mean"))
    rows = rows_of(f"st:{folder}")
    assert rows.shape[1] == 48
    np.testing.assert_allclose(rows, own_rows(folder), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_another_prompt_is_named_after_the_at():
    folder = small_models.sentence_folder("Normalize-thedog", "Normalize", prompt="the dog ")
    np.testing.assert_array_equal(rows_of(f"st:{folder}@passage"), rows_of(f"st:{folder}"))
    with pytest.raises(UnknownModel, match=r"no prompt of .* is called 'title'"):
        rows_of(f"st:{folder}@title")


def test_published_weights_of_a_package_by_both_families():
    """all-MiniLM-L6-v2, of the offline preset."""
    folder = PACKAGE.locate()
    rows = rows_of(f"st:{folder}")
    np.testing.assert_allclose(rows, own_rows(folder), rtol=0, atol=1e-5)
    means = rows_of(f"hf:{folder}")
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(means / lengths, rows, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_hf_pools_as_requested(pooling):
    from transformers import AutoModel, AutoTokenizer

    folder = small_models.bert()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    rows = rows_of(f"hf:{folder}", pooling=pooling)
    for text, row in zip(TEXTS, rows, strict=True):
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=16)
        with torch.inference_mode():
            states = network(**tokens).last_hidden_state[0]
        expected = {"mean": states.mean(dim=0), "cls": states[0], "last": states[-1]}[pooling]
        np.testing.assert_allclose(row, expected.numpy(), rtol=0, atol=1e-5)


def test_a_number_is_a_hidden_state():
    from transformers import AutoModel, AutoTokenizer

    folder = small_models.bert()
    tokens = AutoTokenizer.from_pretrained(folder)("a cat", return_tensors="pt")
    network = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        states = network(**tokens, output_hidden_states=True).hidden_states[1][0]
    row = rows_of(f"hf:{folder}@1", ["a cat"])[0]
    np.testing.assert_allclose(row, states.mean(dim=0).numpy(), rtol=0, atol=1e-5)


def test_no_captions_have_no_rows():
    assert rows_of(f"hf:{small_models.bert()}", []).shape == (0, 24)


@pytest.fixture
def folder(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Path(shutil.copytree(small_models.sentence_folder("plain"), tmp_path / "net"))


def change(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_a_folder_with_unknown_modules_is_refused(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "path": "2_LSTM", "type": "sentence_transformers.models.LSTM"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(WrongWeights, match="has the modules Transformer, Pooling, LSTM; Transf"):
        rows_of(f"st:{folder}")


def test_an_unknown_pooling_is_refused(folder):
    change(folder / "1_Pooling" / "config.json", pooling_mode="middle")
    with pytest.raises(WrongWeights, match="net pools by middle; any of cls, max, mean"):
        rows_of(f"st:{folder}")


def test_an_activation_outside_of_torch_is_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = small_models.sentence_folder("Dense-Normalize", "Dense", "Normalize")
    folder = Path(shutil.copytree(source, tmp_path / "net"))
    (dense,) = folder.glob("*_Dense")
    change(dense / "config.json", activation_function="own.module.Tanh")
    with pytest.raises(WrongWeights, match=r"dense layer with own\.module\.Tanh; one of the rows"):
        rows_of(f"st:{folder}")


def test_a_folder_without_the_settings_of_its_pooling_is_refused(folder):
    (folder / "1_Pooling" / "config.json").unlink()
    for words in (f"st:{folder}", f"sentence:{folder}"):
        encoder = encoder_named(words, reads="text")
        with pytest.raises(WrongWeights, match=r"has no (1_Pooling/)?config\.json; copy the whole"):
            _ = encoder.provenance


def test_a_folder_without_modules_or_tokenizer_is_refused(folder):
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)
    with pytest.raises(WrongWeights, match=r"net contains no tokenizer: one of tokenizer\.json"):
        rows_of(f"st:{folder}")
    (folder / "modules.json").unlink()
    with pytest.raises(WrongWeights, match=r"it has no modules\.json; use hf:"):
        encoder_named(f"st:{folder}", reads="text")
