"""mmgcn extract --watch: what is extracted, when, and how it ends, with the clock of the test."""

import signal
from pathlib import Path

import pytest

from extract import ExtractConfig, Item, extract_features, read_catalogue
from extract.commands import watch as watch_module
from extract.commands.watch import watch
from extract.pipeline.settling import SettledItems
from extract.store import FeatureStore
from tests.clips import Audio, make_clip

CONFIG = ExtractConfig(modalities=["a"], preset="offline", device="cpu", workers=1)


def write_audio(path, seconds=1):
    make_clip(path, num_frames=0, audio=Audio(seconds=seconds, codec="pcm_s16le"))


class Clock:
    """A clock whose sleeps return at once; it runs actions at given times, then raises Ctrl-C."""

    def __init__(self, **acts):
        self.now, self.acts = 0.0, {float(at.removeprefix("at_")): act for at, act in acts.items()}

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for at in sorted(self.acts):
            if at <= self.now:
                self.acts.pop(at)()
        if not self.acts and self.now > 60:
            raise KeyboardInterrupt


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "videos").mkdir()
    return tmp_path / "videos"


@pytest.fixture
def watched(tmp_path, folder):
    """Watch the folder; returns the counts and the ids of each batch, with their times."""

    def watching(**acts):
        clock, batches = Clock(**acts), []

        def extract(catalogue, items):
            batches.append((clock.now, [item.id for item in items]))
            return extract_features(items, tmp_path / "features", CONFIG, root=catalogue.root)

        counts = watch(
            folder, lambda: read_catalogue(folder), extract, sleep=clock.sleep, clock=clock
        )
        return dict(counts), batches

    return watching


def test_files_are_extracted_as_they_arrive(folder, watched, tmp_path):
    write_audio(folder / "a.wav")
    counts, batches = watched(at_20=lambda: write_audio(folder / "b.wav"))
    assert [ids for _, ids in batches] == [["a"], ["b"]]
    assert counts == {"done": 2, "failed": 0}
    assert FeatureStore(tmp_path / "features").feature_set("acoustic").item_ids() == ["a", "b"]


def test_an_empty_folder_and_a_broken_table_are_polled_again(folder, watched, capsys):
    table = folder / "captions.csv"
    counts, batches = watched(
        at_4=lambda: table.write_text("nonsense"),
        at_10=lambda: write_audio(folder / "a.wav"),
        at_30=lambda: table.write_text("item_id,caption\na,a sound\n"),
        at_50=lambda: (folder / "broken.wav").write_bytes(b"no sound"),
    )
    assert [ids for _, ids in batches] == [["a"], ["broken"]]
    assert counts == {"done": 1, "failed": 1}
    shown = capsys.readouterr()
    assert shown.err.count("trying again") == 1
    assert "failed: " in shown.out
    assert "broken.wav (acoustic): " in shown.out


def test_a_file_is_taken_when_its_size_has_settled(folder, watched):
    path = folder / "a.wav"
    write_audio(path)
    content = path.read_bytes()
    path.unlink()
    grow = {
        f"at_{at}": lambda at=at: path.write_bytes(content[: len(content) * at // 20])
        for at in (4, 8, 12, 16, 20)
    }
    _, batches = watched(**grow)
    ((at, ids),) = batches
    assert ids == ["a"]
    assert at >= 25


def test_a_changed_file_is_extracted_again(folder, watched):
    write_audio(folder / "a.wav")
    _, batches = watched(at_20=lambda: write_audio(folder / "a.wav", seconds=3))
    assert [ids for _, ids in batches] == [["a"], ["a"]]


def test_ctrl_c_during_an_extraction_ends_after_the_current_clips(folder, tmp_path):
    for name in "abc":
        write_audio(folder / f"{name}.wav")
    clock, requests = Clock(), []

    def interrupt_once(progress):
        if progress.doing == "extracting" and not requests:
            requests.append(progress)
            signal.raise_signal(signal.SIGINT)

    def extract(catalogue, items):
        return extract_features(items, tmp_path / "features", CONFIG, progress=interrupt_once)

    counts = watch(folder, lambda: read_catalogue(folder), extract, sleep=clock.sleep, clock=clock)
    assert counts["interrupted"] == 1
    assert clock.now < 10


def test_a_file_that_was_removed_is_forgotten(tmp_path):
    settled = SettledItems(settle_seconds=5)
    path = tmp_path / "a.wav"
    path.touch()
    assert settled.poll([Item("a", path)], now=0) == []
    path.unlink()
    assert settled.poll([Item("a", path)], now=9) == []
    assert settled.poll([Item("b", None, "a caption")], now=9) == []
    assert settled.poll([Item("b", None, "another")], now=14) == []
    assert [item.id for item in settled.poll([Item("b", None, "another")], now=19)] == ["b"]


def test_the_command_extracts_until_ctrl_c(run, folder, monkeypatch):
    clock = Clock()
    write_audio(folder / "a.wav")
    defaults = {"sleep": clock.sleep, "clock": clock}
    monkeypatch.setattr(watch_module.watch, "__kwdefaults__", defaults)
    words = ("extract", "-m", "a", "--preset", "offline", "--device", "cpu", "--workers", "1")
    code, out, err = run(*words, "--watch", folder)
    assert code == 0
    assert out == "1 new items extracted, 0 of them failed\nstopped; 1 items extracted, 0 failed\n"
    assert f"watching {folder}; Ctrl-C ends" in err
    (folder / "b.wav").write_bytes(b"no sound")
    clock.now = 0.0
    assert run(*words, "--watch", folder)[0] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "--watch needs one folder, which exists"),
        ((".", "--limit", "3"), "--watch extracts one folder, without it"),
        ((".", "--dry-run"), "--watch extracts one folder, without it"),
    ],
)
def test_options_that_watching_would_ignore_are_refused(run, words, message):
    code, _, err = run("extract", "-m", "a", "--preset", "offline", "--watch", *words)
    assert code == 2
    assert message in " ".join(err.split())


def test_the_folder_of_posters_is_not_among_the_videos(run, folder):
    code, _, err = run("extract", "--watch", folder, "--posters", Path(folder) / "posters")
    assert code == 2
    assert "posters" in err
