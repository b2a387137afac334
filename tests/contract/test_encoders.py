"""What holds for every encoder; one that is added is tested here too.

Weights are made on the spot, small where the network allows. An encoder that needs weights and has
no recipe in `WEIGHTS` fails `test_it_has_weights_to_be_tested_with`.
"""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from extract.encoder import ENCODERS, Windows
from extract.encoders._image import resized
from extract.encoders._mel import log_mel
from extract.encoders.sentence import batches_by_length
from extract.media import Frames
from extract.weights import WeightsUnavailable, WrongWeights

NAMES = ENCODERS.names()


# --- weights to test with ---


def drawn(network, seed):
    """The network's tensors, drawn so that its output stays of the order of its input."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in network.state_dict().items():
        if tensor.dim() > 1:
            scale = (2 / tensor[0].numel()) ** 0.5
            state[name] = torch.randn(tensor.shape, generator=generator) * scale
        elif "running_var" in name or (tensor.is_floating_point() and name.endswith("weight")):
            state[name] = torch.ones_like(tensor)
        else:
            state[name] = torch.zeros_like(tensor)
    return state


def saved(network, folder, seed):
    torch.save(drawn(network, seed), folder / f"{seed}.pth")
    return folder / f"{seed}.pth"


def resnet50(folder, seed):
    from torchvision.models import resnet50

    return saved(resnet50(), folder, seed)


def efficientnet_lite0(folder, seed):
    import timm

    return saved(timm.create_model("tf_efficientnet_lite0", pretrained=False), folder, seed)


def vggish(folder, seed):
    from extract.encoders.vggish import build_network

    return saved(build_network(), folder, seed)


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "dog", "sea"]


def sentence(folder, seed):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    folder = folder / f"bert{seed}"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(WORDS), intermediate_size=64, **size)
    BertModel(config).eval().save_pretrained(folder)
    return folder


def clap(folder, seed):
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    torch.manual_seed(seed)
    folder = folder / f"clap{seed}"
    audio = {"depths": [1, 1], "num_attention_heads": [1, 2], "patch_embeds_hidden_size": 16}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}
    config = ClapConfig(
        audio_config=audio | {"hidden_size": 32, "num_hidden_layers": 2, "window_size": 8},
        text_config=text | {"intermediate_size": 16},
        projection_dim=24,
    )
    ClapModel(config).eval().save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    return folder


WEIGHTS = {
    "resnet50": resnet50,
    "efficientnet_lite0": efficientnet_lite0,
    "vggish": vggish,
    "sentence": sentence,
    "clap": clap,
}
LARGE = {"wav2vec2"}  # 95 million numbers in the one size that there is


@pytest.fixture(scope="module")
def weights_of(tmp_path_factory):
    """Return the path of the weights of an encoder that a seed makes, made once."""
    made = {}

    def weights_of(name, seed=0):
        if ENCODERS.get(name).weights is None:
            return None
        if name not in WEIGHTS:
            pytest.skip("its weights are too large to be made here")
        if (name, seed) not in made:
            made[name, seed] = str(WEIGHTS[name](tmp_path_factory.mktemp(name), seed))
        return made[name, seed]

    return weights_of


@pytest.fixture(scope="module", params=NAMES)
def encoder(request, weights_of):
    encoder = ENCODERS.get(request.param)(weights_of(request.param))
    encoder.load("cpu")
    return encoder


def samples(encoder, num=3):
    """What `prepare` may be given: several units, all different."""
    rng = np.random.default_rng(0)
    times = np.arange(num, dtype=float)
    if encoder.reads == "frames":
        return Frames(rng.integers(0, 256, (num, 90, 120, 3), dtype=np.uint8), times)
    if encoder.reads == "waveform":
        num_samples = round(encoder.window_seconds * encoder.sample_rate_hz)
        noise = rng.uniform(-1, 1, (num, num_samples)) * np.linspace(0.1, 1, num)[:, None]
        return Windows(noise.astype(np.float32), encoder.sample_rate_hz, times)
    assert encoder.reads == "text", "say here how an item is made"
    return ["dog", "a dog by the sea " * 9, "sea"][:num]


def units_of(encoder, sample):
    """Units of one sample, or of each text of a list."""
    texts = sample if isinstance(sample, list) else None
    if texts is None:
        return encoder.prepare(sample)
    return [unit for text in texts for unit in encoder.prepare(text)]


def part(sample, index):
    """One unit's worth of a sample."""
    if isinstance(sample, list):
        return sample[index : index + 1]
    one = slice(index, index + 1)
    if isinstance(sample, Frames):
        return Frames(sample.data[one], sample.pts_seconds[one])
    return Windows(sample.data[one], sample.sample_rate, sample.pts_seconds[one])


# --- every encoder ---


@pytest.mark.parametrize("name", NAMES)
def test_it_has_weights_to_be_tested_with(name):
    assert ENCODERS.get(name).name == name
    assert ENCODERS.get(name).weights is None or name in WEIGHTS or name in LARGE


def test_it_makes_a_finite_row_of_each_unit(encoder):
    rows = encoder.encode(units_of(encoder, samples(encoder)))
    assert rows.shape == (3, encoder.dim)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()


def test_a_batch_equals_its_units_one_by_one_in_any_order(encoder):
    units = units_of(encoder, samples(encoder))
    rows = encoder.encode(units)
    for index in range(3):
        alone = encoder.encode(units[index : index + 1])[0]
        np.testing.assert_allclose(alone, rows[index], rtol=1e-3, atol=1e-4)
    backwards = encoder.encode(units[::-1] if isinstance(units, list) else units[::-1].copy())
    np.testing.assert_allclose(backwards[::-1], rows, rtol=1e-3, atol=1e-4)


def test_different_units_make_different_rows(encoder):
    rows = encoder.encode(units_of(encoder, samples(encoder)))
    assert len(np.unique(rows.round(4), axis=0)) == 3


def test_a_block_is_prepared_as_its_units_are_one_by_one(encoder):
    sample = samples(encoder)
    units = units_of(encoder, sample)
    for index in range(3):
        (alone,) = units_of(encoder, part(sample, index))
        np.testing.assert_array_equal(alone, units[index])


def test_what_it_is_given_is_not_changed(encoder):
    sample = samples(encoder)
    units = units_of(encoder, sample)
    before = [np.array(unit, copy=True) for unit in units]
    encoder.encode(units)
    for unit, held in zip(units, before, strict=True):
        np.testing.assert_array_equal(unit, held)
    if not isinstance(sample, list):
        np.testing.assert_array_equal(sample.data, samples(encoder).data)


def test_its_provenance_is_json_and_names_it(encoder):
    assert encoder.provenance["encoder"] == encoder.name
    assert json.loads(json.dumps(encoder.provenance)) == encoder.provenance


@pytest.mark.parametrize("name", NAMES)
def test_its_provenance_changes_with_its_weights_and_so_do_its_rows(name, weights_of):
    made = [ENCODERS.get(name)(weights_of(name, seed)) for seed in (0, 1)]
    if made[0].weights is None:
        pytest.skip("it has no weights")
    assert made[0].provenance != made[1].provenance
    assert ENCODERS.get(name)(weights_of(name, 0)).provenance == made[0].provenance
    if name == "vggish":
        return  # 280 MB of weights, loaded once already
    rows = []
    for encoder in made:
        encoder.load("cpu")
        rows.append(encoder.encode(units_of(encoder, samples(encoder, 1))))
    assert not np.allclose(*rows, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in NAMES if ENCODERS.get(name).weights])
def test_weights_that_are_not_there_or_of_another_network_are_told(name, tmp_path):
    member = ENCODERS.get(name)
    with pytest.raises(WeightsUnavailable, match=r"no weights at .*absent; pass a path, or one"):
        member(str(tmp_path / "absent")).load("cpu")
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.ones(2)}, other)
    (tmp_path / "empty").mkdir()
    where = other if member.weights.kind != "hub" and name != "sentence" else tmp_path / "empty"
    with pytest.raises(WrongWeights, match=r"the weights of another network|holds no"):
        member(str(where)).load("cpu")


# --- what single encoders promise ---


def log_mel_slowly(window):
    """The spectrogram of the VGGish paper in plain words."""

    def mel(hz):
        return 1127 * np.log(1 + hz / 700)

    edges = [mel(125) + i * (mel(7500) - mel(125)) / 65 for i in range(66)]
    rows = []
    for start in range(0, len(window) - 400 + 1, 160):
        hann = [0.5 - 0.5 * np.cos(2 * np.pi * n / 400) for n in range(400)]
        power = np.abs(np.fft.fft(window[start : start + 400] * hann, 512))[:257]
        row = []
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for k in range(1, 257):
                pitch = mel(k * 16_000 / 512)
                if low < pitch < high:
                    rising, falling = (
                        (pitch - low) / (middle - low),
                        (high - pitch) / (high - middle),
                    )
                    total += power[k] * min(rising, falling)
            row.append(np.log(total + 0.01))
        rows.append(row)
    return np.array(rows)


def test_the_spectrogram_is_that_of_plain_words():
    windows = np.random.default_rng(0).uniform(-1, 1, (2, 880)).astype(np.float32)
    bands = log_mel(windows)
    assert bands.shape == (2, 4, 64)
    for window, expected in zip(windows, bands, strict=True):
        np.testing.assert_allclose(log_mel_slowly(window), expected, rtol=1e-5, atol=1e-5)


def test_a_window_of_vggish_is_96_frames():
    assert log_mel(np.zeros((1, 15_600), np.float32)).shape == (1, 96, 64)


def test_logmel_is_mean_deviation_and_change_of_the_spectrogram():
    encoder = ENCODERS.get("logmel")()
    sample = samples(encoder, 1)
    bands = log_mel(sample.data)[0]
    change = np.mean([np.abs(b - a) for a, b in pairwise(bands)], axis=0)
    expected = [*bands.mean(axis=0), *bands.std(axis=0), *change]
    np.testing.assert_allclose(encoder.encode(encoder.prepare(sample))[0], expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(90, 180), (180, 90), (300, 300), (64, 640)])
def test_the_middle_of_a_frame_is_kept(height, width):
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[:, height // 2 - 9 : height // 2 + 9, width // 2 - 9 : width // 2 + 9] = 255
    picture = resized(frame, shorter_px=64, crop_px=48, bicubic=False)
    assert picture.shape == (1, 3, 48, 48)
    assert picture[0, :, 24, 24].tolist() == [255, 255, 255]
    np.testing.assert_allclose(picture, picture[..., ::-1], atol=3)  # even on both sides
    np.testing.assert_allclose(picture, picture[..., ::-1, :], atol=3)


def test_folding_batch_norm_and_pixels_as_bytes_change_no_number_of_resnet50(weights_of):
    from torchvision.models import resnet50

    encoder = ENCODERS.get("resnet50")(weights_of("resnet50"))
    encoder.load("cpu")
    pictures = encoder.prepare(samples(encoder, 2))
    plain = resnet50()
    plain.load_state_dict(torch.load(weights_of("resnet50"), weights_only=True))
    plain.fc = torch.nn.Identity()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.inference_mode():
        expected = plain.eval()((torch.from_numpy(pictures) / 255 - mean) / std).numpy()
    np.testing.assert_allclose(encoder.encode(pictures), expected, rtol=1e-3, atol=1e-3)


def test_a_sentence_is_the_mean_of_its_tokens_and_of_length_one(weights_of):
    from transformers import AutoModel, AutoTokenizer

    folder = weights_of("sentence")
    encoder = ENCODERS.get("sentence")(folder)
    encoder.load("cpu")
    texts = ["dog", "a dog by the sea"]
    rows = encoder.encode(units_of(encoder, texts))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    for text, row in zip(texts, rows, strict=True):
        with torch.inference_mode():
            states = network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(dim=0).numpy()
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_batches_of_captions_keep_to_the_budget_and_lose_none():
    lengths = np.random.default_rng(0).integers(1, 40, 100).tolist()
    batches = batches_by_length(lengths, budget=80)
    assert sorted(index for batch in batches for index in batch) == list(range(100))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 80 for batch in batches)
    assert batches_by_length([], budget=80) == []


def test_a_sentence_file_with_its_hash_is_its_model_file(weights_of, tmp_path):
    state = load_file(f"{weights_of('sentence')}/model.safetensors")
    save_file(state, tmp_path / "model.safetensors")
    made = [ENCODERS.get("sentence")(str(tmp_path)).provenance["weights_sha256"]]
    save_file({name: 2 * value for name, value in state.items()}, tmp_path / "model.safetensors")
    made.append(ENCODERS.get("sentence")(str(tmp_path)).provenance["weights_sha256"])
    assert made[0] != made[1]


@pytest.mark.parametrize(
    ("name", "missing", "extra"),
    [("efficientnet_lite0", "timm", "offline"), ("resnet50", "onnxscript", "onnx")],
)
def test_a_missing_extra_is_named(name, missing, extra, weights_of, monkeypatch):
    weights = weights_of(name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"needs {missing}; install it with: .*mmgcn\[{extra}\]"):
        ENCODERS.get(name)(weights).load("cpu", engine="onnx")
