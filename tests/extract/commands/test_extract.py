"""mmgcn extract, modalities, weights: output, exit codes and errors."""

import io
import json
import shutil

import cv2
import numpy as np
import pytest

from extract.commands.summary import progress_bar
from extract.pipeline import Progress
from extract.store import FeatureStore, Record
from tests.clips import Audio, make_clip
from tests.stores import ROWS, add_speech, new_set


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for index in range(3):
        make_clip(folder / f"clip {index}.mp4", num_frames=4, audio=Audio(seconds=1 + index))
    make_clip(folder / "mute.mp4", num_frames=4)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    return folder


@pytest.fixture
def extract(run):
    """Run `mmgcn extract` for the acoustic modality, which needs no weights."""

    def running(*words):
        return run("extract", "-m", "a", "--preset", "offline", "--device", "cpu", *words)

    return running


def table_of_captions(tmp_path):
    (tmp_path / "films.csv").write_text("item_id,caption\na,a cat\nb,\n")
    return "films.csv"


def ids(tmp_path, folder="features"):
    return {path.stem for path in (tmp_path / folder).glob("acoustic/*/items/*.npy")}


# --- extract ---


def test_a_folder_becomes_a_store_and_failures_are_reported(extract, videos, tmp_path):
    code, out, err = extract(videos)
    assert code == 3
    assert "broken.mp4 (acoustic): " in out
    assert err == ""
    assert ids(tmp_path) == {"clip%200", "clip%201", "clip%202"}
    code, out, _ = extract(videos)
    assert code == 3  # what failed is still failed
    assert "features are in features" in out


def test_a_table_of_captions_alone_becomes_a_store_of_text_features(run, tmp_path):
    code, out, err = run(
        *("extract", "--captions", table_of_captions(tmp_path), "--modality", "t", "--json"),
        *("--encoder", "textual=sentence:package"),
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["counts"] == {"textual": {"skipped": 0, "done": 1, "missing": 1}}


def test_modalities_of_files_are_refused_for_a_table_of_captions(run, tmp_path):
    code, out, err = run("extract", "--captions", table_of_captions(tmp_path))
    assert (code, out) == (1, "")
    assert err == (
        "error: none of the 2 items has a file, from which visual and acoustic features are "
        "decoded; pass --modality textual, or name videos\n"
    )


@pytest.mark.parametrize("words", [("--id", "stem"), ("--posters", "posters")])
def test_options_of_files_are_refused_for_a_table_of_captions(run, tmp_path, words):
    code, _, err = run("extract", "--captions", table_of_captions(tmp_path), *words)
    assert code == 2
    assert "a table of captions names no files" in err


def test_json_is_the_only_output(extract, videos, tmp_path):
    code, out, _ = extract(videos, "--json", "--out", "elsewhere")
    reported = json.loads(out)
    assert code == 3
    assert reported["counts"] == {"acoustic": {"skipped": 0, "done": 3, "missing": 1, "failed": 1}}
    (failure,) = reported["failures"]
    assert failure["id"] == "broken"
    assert failure["modality"] == "acoustic"
    assert failure["path"].endswith("broken.mp4")
    assert failure["reason"]
    assert reported["seconds"] > 0
    assert not reported["interrupted"]
    assert reported["sets"]["acoustic"].startswith("elsewhere")
    assert ids(tmp_path, "elsewhere") == {"clip%200", "clip%201", "clip%202"}


def test_all_done_is_exit_code_0(extract, videos):
    assert extract(videos / "mute.mp4", videos / "clip 0.mp4")[0] == 0


def test_files_may_be_named_by_patterns_lists_and_standard_input(
    extract, videos, tmp_path, monkeypatch
):
    extract(f"{videos}/clip*.mp4", "--limit", "2", "--out", "pattern")
    assert ids(tmp_path, "pattern") == {"clip%200", "clip%201"}
    (tmp_path / "list.txt").write_text(f"{videos}/clip 2.mp4\n\n{videos}/clip 1.mp4\n")
    extract("--list", "list.txt", "--out", "list")
    assert ids(tmp_path, "list") == {"clip%201", "clip%202"}
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(f"{videos}/clip 0.mp4\n".encode()))
    )
    extract("-", "--out", "standard input")
    assert ids(tmp_path, "standard input") == {"clip%200"}


def test_a_file_whose_name_has_the_form_of_a_pattern_is_that_file(extract, videos, tmp_path):
    shutil.copy(videos / "clip 0.mp4", tmp_path / "clip[1].mp4")
    assert extract("clip[1].mp4")[0] == 0
    assert ids(tmp_path) == {"clip%5B1%5D"}


def test_shards_are_disjoint_and_complete(extract, videos, tmp_path):
    for part in (1, 2):
        extract(videos, "--shard", f"{part}/2", "--out", f"part{part}")
    first, second = ids(tmp_path, "part1"), ids(tmp_path, "part2")
    assert not first & second
    assert first | second == {"clip%200", "clip%201", "clip%202"}


def test_shards_may_fill_one_store(extract, videos, tmp_path):
    code = extract(videos, "--out", "whole")[0]
    for part in (2, 1):
        extract(videos, "--shard", f"{part}/2", "--out", "parts")
    assert extract(videos, "--out", "parts", "--dry-run")[1].startswith("0 items")
    assert extract(videos, "--out", "parts")[0] == code
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")


def tree(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


def test_a_dry_run_writes_nothing(extract, videos, tmp_path):
    code, out, _ = extract(videos, "--dry-run")
    assert code == 0
    assert out.startswith("5 items would be extracted")
    assert list(tmp_path.iterdir()) == []
    reported = json.loads(extract(videos, "--dry-run", "--json")[1])
    assert reported["planned"] == 5
    assert reported["estimated_seconds"] > 0
    assert list(tmp_path.iterdir()) == []


def test_control_characters_in_names_are_escaped(extract, videos, tmp_path):
    (tmp_path / "a\x1b[2J\n.mp4").write_bytes(b"no video at all")
    (tmp_path / "b\x1b[2J.doc").touch()
    _, out, err = extract(tmp_path)
    assert "failed: " in out
    assert r"a\x1b[2J\n.mp4 (acoustic): not a video" in out
    assert r"are ignored: b\x1b[2J.doc" in err
    assert "\x1b" not in out + err
    reported = json.loads(extract(tmp_path, "--json")[1])
    assert reported["failures"][0]["id"] == "a\x1b[2J\n"
    assert extract("no\x1bc.mp4")[2] == "error: there is no folder no\\x1bc.mp4\n"


def test_strict_stops_with_exit_code_1(extract, videos):
    code, _, err = extract(videos / "broken.mp4", "--strict")
    assert code == 1
    assert "broken.mp4 failed: " in err


def test_verify_finds_changed_rows_and_extracts_them_again_with_videos(
    extract, run, videos, tmp_path
):
    extract(videos)
    assert run("extract", "--verify")[:2] == (0, "5 records checked, 0 problems\n")
    (rows,) = tmp_path.glob("features/acoustic/*/items/clip%201.npy")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-2] + b"xx")
    code, out, _ = run("extract", "--verify", "--json")
    assert code == 1
    assert json.loads(out)["problems"] == [
        {"modality": "acoustic", "id": "clip 1", "problem": "does not match its recorded hash"}
    ]
    assert extract(videos, "--verify")[0] == 3
    assert rows.read_bytes() == whole
    assert run("extract", "--verify")[0] == 0


def test_verify_reads_transcripts_and_opens_the_current_sets(run, tmp_path):
    store = FeatureStore(tmp_path / "features")
    new_set(store.root).write(Record("a"), ROWS)
    transcripts = add_speech(store, {"a": "good evening", "b": "good morning"})
    assert run("extract", "--verify")[:2] == (0, "3 records checked, 0 problems\n")
    transcripts.rows_path("b").write_bytes(b"")
    (store.root / "visual" / "current").write_text("colour-0123\n")
    code, out, _ = run("extract", "--verify")
    assert code == 1
    assert out.splitlines()[0] == "speech of b: does not match its recorded hash"
    assert out.splitlines()[1].startswith("visual of current: ")
    assert out.splitlines()[2] == "3 records checked, 2 problems"


def test_a_damaged_manifest_is_reported_with_a_remedy_that_keeps_the_rows(
    extract, videos, tmp_path
):
    extract(videos)
    (manifest,) = tmp_path.glob("features/acoustic/*/manifest.json")
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-9])
    code, _, err = extract(videos)
    assert code == 1
    assert "manifest.json is damaged" in err
    assert "remove that file and extract again" in err
    manifest.unlink()
    reported = json.loads(extract(videos, "--json")[1])
    assert reported["counts"]["acoustic"]["skipped"] == 5
    assert manifest.read_bytes() == whole


def test_captions_have_an_option(run, videos, tmp_path):
    from tests.encoders import Price, registered

    (tmp_path / "prices.csv").write_text("item_id,caption\nclip 0,costs 5\nmute,free\n")
    with registered(Price):
        words = ["--captions", "prices.csv", "-m", "th", "--encoder", "th=price", "--limit", "3"]
        run("extract", videos, *words, "--device", "cpu", "--dtype", "float32")
    (rows,) = tmp_path.glob("features/thing/*/items/clip%200.npy")
    np.testing.assert_array_equal(np.load(rows), np.float32([[5]]))


def test_posters_are_named_like_the_rows(run, videos, tmp_path):
    from tests.encoders import Shade, registered

    words = ("extract", videos / "clip 0.mp4", "--device", "cpu", "-m", "thing")
    words += ("--num-frames", "2")
    image_options = ("--posters", "posters", "--sprites", "sprites")
    with registered(Shade):
        assert run(*words)[0] == 0
        code, out, _ = run(*words, *image_options, "--json")  # rows are stored, images are not
        assert code == 0
        assert json.loads(out)["counts"]["thing"] == {"done": 1, "skipped": 0}
        _, out, _ = run(*words, *image_options, "--json")
        assert json.loads(out)["counts"]["thing"]["skipped"] == 1
    poster, sprite = (
        cv2.imread(str(tmp_path / name / "clip%200.jpg")) for name in ("posters", "sprites")
    )
    assert sprite.shape == (poster.shape[0], 8 * poster.shape[1], 3)
    assert (tmp_path / "posters" / "clip%200.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("name", ["posters", "sprites"])
def test_posters_and_sprites_among_the_videos_are_refused(extract, videos, name):
    code, _, err = extract(videos, f"--{name}", videos / name)
    assert code == 2
    assert f"the next run would read {name} as items" in " ".join(err.replace("│", " ").split())


def test_posters_that_cannot_be_written_are_reported(run, videos, tmp_path):
    from tests.encoders import Shade, registered

    (tmp_path / "file").touch()
    with registered(Shade):
        words = ["extract", videos / "clip 0.mp4", "-m", "thing", "--device", "cpu"]
        code, out, err = run(*words, "--posters", "file")
    assert (code, out) == (1, "")
    assert err == "error: no image can be written to file: File exists\n"


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ([], "name a folder or files"),
        (["VIDEOS", "--list", "list.txt"], "not both"),
        (
            ["VIDEOS", "--fps", "1", "--num-frames", "4"],
            "--num-frames and --fps exclude each other; choose",
        ),
        (["VIDEOS", "--fps", "0"], "--fps is 0.0; it must be positive"),
        (["VIDEOS", "--num-frames", "0"], "num-frames"),
        (["VIDEOS", "--shard", "3/2"], "'3/2' is not i/n with i from 1 to n"),
        (["VIDEOS", "--shard", "²/3"], "'²/3' is not i/n with i from 1 to n"),
        (["VIDEOS", "--encoder", "logmel"], "'logmel' is not MODALITY=NAME"),
        (["VIDEOS", "--engine", "tensorrt"], "'tensorrt' is not one of torch, onnx"),
        (["VIDEOS", "--precision", "int4"], "'int4' is not one of float32, bfloat16"),
        (["VIDEOS", "--dtype", "float64"], "'float64' is not one of float16, float32"),
        (["VIDEOS", "--id", "hash"], "'hash' is not one of stem, relative-path"),
        (["VIDEOS", "--workers", "0"], "workers"),
        (["VIDEOS", "--device", "tpu"], "--device is 'tpu'; known: auto, cpu, cuda"),
        (["--verify", "--fps", "1"], "--verify without VIDEOS only checks the store"),
        (["VIDEOS", "--address", "auto"], "it needs --engine ray"),
        (["VIDEOS", "--clip-memory", "inf"], "clip-memory"),
        (["VIDEOS", "--retry"], "No such option"),
    ],
)
def test_usage_errors_have_exit_code_2(extract, videos, monkeypatch, words, reported):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = extract(*(videos if word == "VIDEOS" else word for word in words))
    assert code == 2
    assert out == ""
    assert reported in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["nothing"], "no videos in nothing"),
        (["no*.mp4"], "no*.mp4"),
        (["VIDEOS", "nothing"], "is a folder; name one folder and nothing else, or files"),
        (["--list", "none.txt"], "none.txt cannot be read: No such file"),
        (["VIDEOS", "--captions", "none.csv"], "there is no captions file none.csv"),
        (["VIDEOS", "--encoder", "a=logmell"], "no encoder is called 'logmell'"),
        (["VIDEOS", "--encoder", "v=resnet50"], "named for visual, which is not one of"),
        (["VIDEOS", "--encoder", "a=vggish:none.pth"], "no weights at none.pth"),
        (["VIDEOS", "-m", ","], "no modality is named; known: acoustic, "),
        (
            ["VIDEOS", "--precision", "bfloat16"],
            "none of the encoders computes in bfloat16; encoders",
        ),
        (["VIDEOS", "--out", "file"], "a file is in the place of a folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(extract, videos, tmp_path, words, reported):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "file").touch()
    code, out, err = extract(*(videos if word == "VIDEOS" else word for word in words))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert reported in err
    assert not list(tmp_path.glob("features/*/*"))


def test_all_missing_weights_are_reported_at_once(run, videos, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def no_network(*_given, **_more):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    code, _, err = run("extract", videos, "-m", "v,a", "--device", "cpu")
    assert code == 1
    assert all(
        reported in err for reported in ("IMAGENET1K_V2 (looked in", "vggish (looked in", "torch")
    )
    assert "mmgcn weights fetch IMAGENET1K_V2 vggish" in err
    assert "--preset offline" in err
    assert not (tmp_path / "features").exists()


# --- modalities ---


def test_modalities_are_listed_with_encoders_and_presets(run):
    code, out, _ = run("modalities", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    letters = {name: row["letter"] for name, row in rows.items()}
    assert letters | {"visual": "v", "acoustic": "a", "textual": "t"} == letters
    assert rows["acoustic"]["encoders"]["logmel"] == "mmgcn"
    assert rows["visual"]["presets"]["paper"] == "resnet50"
    _, table, _ = run("modalities")
    assert all(name in table for name in rows)


def test_a_modality_that_cannot_be_loaded_is_listed_with_its_error(run, monkeypatch):
    from extract.modality import MODALITIES
    from extract.registry import Entry

    bad = Entry("smell", "mmgcn-smell 0.1", "no_such_module", "MODALITY")
    monkeypatch.setattr(MODALITIES, "_registered", {"smell": bad})
    code, out, _ = run("modalities", "--json")
    (row,) = [row for row in json.loads(out) if row["name"] == "smell"]
    assert code == 0
    assert "mmgcn-smell 0.1" in row["error"]
    assert "smell" in run("modalities")[1]


def test_a_search_lists_models_of_every_library_with_their_facts(run, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    code, out, _ = run("modalities", "--search", "squeezenet", "--json")
    rows = {row["encoder"]: row for row in json.loads(out)}
    assert code == 0
    row = rows["torchvision:squeezenet1_1"]
    assert (row["modality"], row["width"], row["megabytes"]) == ("visual", 512, 4.7)
    assert row["licence"] == "BSD-3-Clause"
    found = json.loads(run("modalities", "--search", "clip-vit-base-patch32", "--json")[1])
    hub = [row for row in found if row["encoder"].startswith("hf:")]
    assert [row["modality"] for row in hub] == ["visual", "textual"]
    unknown = {"width": None, "megabytes": None, "licence": None, "here": False}
    assert all(row | unknown == row for row in hub)  # only the weights state them
    table = run("modalities", "--search", "minilm")[1]
    assert "textual=st:sentence-transformers/all-MiniLM-L6-v2" in table
    nothing = run("modalities", "--search", "xyzzy")[1]
    assert "no known model is called 'xyzzy'" in nothing


def test_a_search_finds_what_is_in_the_cache_of_the_hub(run, monkeypatch, tmp_path):
    from tests import small_models

    snapshot = tmp_path / "models--some--dino-thing" / "snapshots" / "abc123"
    shutil.copytree(small_models.dinov2(), snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc123")
    (snapshot / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    (row,) = json.loads(run("modalities", "--search", "dino-thing", "--json")[1])
    assert row["encoder"] == "hf:some/dino-thing"
    assert (row["modality"], row["width"], row["here"]) == ("visual", 16, True)
    assert row["licence"] == "apache-2.0"
    assert row["megabytes"] == round((snapshot / "model.safetensors").stat().st_size / 1e6, 1)


# --- weights ---


def test_weights_of_families_are_named_as_for_encoders(run):
    code, _, err = run("weights", "fetch", "torchvision:resnet51")
    assert code == 1
    assert "no network of torchvision for frames is called 'resnet51'" in err
    code, _, err = run("weights", "fetch", "timm:test_vit:/no/such/file.pth")
    assert code == 2
    assert "no weights are published for" in err


def test_weights_are_listed_and_verified(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    _, out, _ = run("weights", "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["IMAGENET1K_V2"]["encoder"] == "resnet50"
    assert rows["IMAGENET1K_V2"]["path"] is None
    assert rows["efficientnet-lite0"]["path"]
    file = tmp_path / "hub" / "checkpoints" / "vggish-10086976.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"something else")
    code, out, _ = run("weights", "verify", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert code == 1
    assert found["efficientnet-lite0"]["ok"]
    assert not found["vggish"]["ok"]
    assert "is not the published 'vggish'" in found["vggish"]["found"]
    assert "vggish: " in run("weights", "verify")[1]


def test_fetched_weights_are_verified_and_reported(run, tmp_path, monkeypatch):
    from email.message import Message

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    class Answer(io.BytesIO):
        headers = Message()

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Answer(b"not the real ones"))
    code, out, err = run("weights", "fetch", "vggish")
    assert (code, out) == (1, "")
    assert "fetching the weights vggish, of unknown size, from https://" in err
    assert f"to {tmp_path}/hub/checkpoints/vggish-10086976.pth (licence: Apache-2.0)" in err
    assert "is not the published 'vggish'" in err


def test_fetching_unknown_weights_names_the_nearest(run):
    code, _, err = run("weights", "fetch", "vgish")
    assert code == 1
    assert "did you mean vggish" in err


# --- progress ---


class Terminal(io.StringIO):
    def isatty(self):
        return True


def progress(seconds, **more):
    counts = {"num_done": 5, "num_total": 10, "num_failed": 2, "num_rows": 80}
    spent = {"decode_seconds": 1.0, "encode_seconds": 4.0, "disk_seconds": 0.1}
    return Progress(doing="extracting", seconds=seconds, **counts | spent | more)


def test_a_terminal_shows_rate_failures_and_bottleneck_after_a_second(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with progress_bar() as show:
        show(progress(0.5))
        assert terminal.getvalue() == ""
        show(progress(2.0))
    shown = terminal.getvalue()
    assert all(reported in shown for reported in ("extracting", "5/10", "2.5 clips/s", "2 failed"))
    assert "most of it encoding" in shown


def test_without_a_terminal_there_is_no_progress_bar(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress_bar() as show:
        assert show is None


@pytest.mark.parametrize(
    ("spent", "bottleneck"),
    [("decode_seconds", "decoding"), ("encode_seconds", "encoding"), ("disk_seconds", "the disk")],
)
def test_the_bottleneck_is_the_slowest_step(spent, bottleneck):
    assert progress(1.0, **{spent: 9.0}).bottleneck == bottleneck
