"""Audio is aligned with the video by its timestamps."""

import struct
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import av.filter
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.media import Limits, Sampling, Waveform, read_media
from extract.media.alignment import Alignment
from extract.workers.decoder import ClipDecoder
from extract.workers.messages import Job, UnitsOf
from tests import networks
from tests.clips import Audio, make_clip, tone

RATE, STEP = 16_000, 1024
LAYOUTS: dict[str, Callable[[int], int | None]] = {
    "whole": lambda start: start,
    "late": lambda start: start + 15 * STEP,
    "with a hole": lambda start: None if 10 * STEP <= start < 20 * STEP else start,
    "with two": lambda start: start + 5 * STEP * (start // (10 * STEP)),
    "late with a hole": lambda start: start + (20 if start < 9 * STEP else 40) * STEP,
}


def read(path: Path, **options) -> tuple[np.ndarray, float, str | None]:
    """Return the audio at its own sample rate, its start and its problem."""
    with read_media(path, sampling=None, sample_rate_hz=[RATE], **options) as blocks:
        heard = [block for block in blocks if isinstance(block, Waveform)]
    assert all(block.seconds <= 10 for block in heard)
    return (
        np.concatenate([block.data for block in heard]),
        heard[0].start_seconds,
        blocks.summary.partial_reason,
    )


def aligned_slowly(
    samples: np.ndarray, start_at: Callable[[int], int | None], step: int
) -> np.ndarray:
    """Return each piece of audio at its time, on silence."""
    heard = np.zeros(4 * len(samples), np.float32)
    end = 0
    for start in range(0, len(samples), step):
        if (at := start_at(start)) is not None:
            piece = samples[start : start + step]
            heard[at : at + len(piece)] = piece
            end = max(end, at + len(piece))
    return heard[:end]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "pcm_f32le"), ("a.nut", "pcm_f32le"), ("a.mkv", "flac"), ("a.mp4", "flac")],
)
def test_gaps_are_filled_with_silence(tmp_path, name, codec, layout):
    samples = tone(30 * STEP / RATE, RATE)
    audio = Audio(samples=samples[None], codec=codec, start_at=LAYOUTS[layout])
    heard, start_seconds, problem = read(
        make_clip(tmp_path / name, codec="libx264", num_frames=72, audio=audio)
    )
    assert start_seconds == 0
    assert problem is None
    step = 1152 if codec == "flac" else STEP  # 72 and 64 ms: whole in Matroska's milliseconds
    expected = aligned_slowly(samples, LAYOUTS[layout], step)
    assert len(heard) == len(expected)
    assert heard == pytest.approx(expected, abs=2**-14 if codec == "flac" else 0)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((suffix, "aac") for suffix in (".mp4", ".mov", ".3gp", ".mkv", ".ts", ".flv")),
        *((".mp4", codec) for codec in ("libmp3lame", "libopus", "ac3")),
        *((".ts", codec) for codec in ("libmp3lame", "libopus", "ac3")),
        *((".webm", "libopus"), (".flv", "libmp3lame"), (".mpg", "ac3")),
    ],
)
def test_gaps_are_filled_in_all_containers_and_codecs(tmp_path, suffix, codec):
    rate = 44_100 if codec == "libmp3lame" else 48_000

    def start_at(start: int) -> int | None:  # late by one second, and silent for another
        at = start + rate
        return None if 2 * rate < at < 3 * rate else at

    clip = make_clip(
        tmp_path / f"a{suffix}",
        codec={".webm": "libvpx", ".mpg": "mpeg2video"}.get(suffix, "libx264"),
        fps=25,
        num_frames=100,
        audio=Audio(seconds=3, rate=rate, codec=codec, start_at=start_at),
    )
    heard, start_seconds, problem = read(clip)
    assert start_seconds == 0
    assert problem is None
    assert len(heard) / RATE == pytest.approx(4, abs=0.1)
    loud = [np.sqrt(2 * np.mean(part**2)) for part in np.split(heard[: 35 * RATE // 10], 35)]
    tenths = [0.0] * 10 + [0.5] * 10 + [0.0] * 10 + [0.5] * 5
    inside = [index for index in range(1, 34) if len(set(tenths[index - 1 : index + 2])) == 1]
    assert [loud[index] for index in inside] == pytest.approx(
        [tenths[index] for index in inside], abs=0.05
    )


@pytest.mark.parametrize("codec", ["pcm_s16le", "libmp3lame"])
def test_audio_of_an_avi_starts_at_its_header_time(tmp_path, codec):
    def samples_of(start_seconds: int) -> np.ndarray:
        audio = Audio(seconds=2, rate=48_000, codec=codec)
        clip = make_clip(tmp_path / "a.avi", num_frames=75, fps=25, audio=audio)
        data = bytearray(clip.read_bytes())
        header = data.index(b"strh", data.index(b"strh") + 4) + 8  # of the audio: AVISTREAMHEADER
        scale, rate = struct.unpack_from("<2I", data, header + 20)
        struct.pack_into("<I", data, header + 28, start_seconds * rate // scale)
        clip.write_bytes(data)
        heard, start, problem = read(clip)
        assert (start, problem) == (0, None)
        return heard

    whole, late = samples_of(0), samples_of(3)
    assert np.abs(late[: 3 * RATE - 100]).max() < 1e-3
    assert late[3 * RATE + 100 :] == pytest.approx(whole[100:], abs=1e-4)


def by_ffmpeg(path: Path) -> np.ndarray:
    """Return the audio as aligned by FFmpeg itself."""
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        graph = av.filter.Graph()
        chain = [
            graph.add_abuffer(template=audio),
            graph.add("aresample", f"{RATE}:async=1:first_pts=0"),
            graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*chain).configure()
        heard = []
        for frame in [*container.decode(audio), None]:
            if frame is not None:
                frame.pts -= int(video.start_time * video.time_base / frame.time_base)
            graph.push(frame)
            with suppress(av.BlockingIOError, av.EOFError):
                while True:
                    heard.append(graph.pull().to_ndarray()[0])
    return np.concatenate(heard)


@pytest.mark.parametrize("layout", ["whole", "late", "with a hole"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.webm", "libopus"), ("a.mkv", "pcm_s16le")],
)
def test_alignment_is_the_same_as_in_ffmpeg(tmp_path, name, codec, layout):
    def start_at(start: int) -> int | None:
        moved = LAYOUTS[layout](start // 3)
        return None if moved is None else 3 * moved

    audio = Audio(rate=3 * RATE, codec=codec, start_at=start_at)
    clip = make_clip(tmp_path / name, num_frames=72, audio=audio)
    assert read(clip)[0] == pytest.approx(by_ffmpeg(clip), abs=1e-6)


def test_small_steps_of_the_clock_are_not_gaps(tmp_path):
    samples, rng = tone(2, RATE), np.random.default_rng(0)
    drift = {n * STEP: n * STEP + n * RATE // 500 + int(rng.integers(400)) for n in range(40)}
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        audio=Audio(samples=samples[None], codec="pcm_f32le", start_at=drift.get),
    )
    heard, start_seconds, problem = read(clip)
    assert np.array_equal(heard, samples)
    assert (start_seconds, problem) == (0, None)


def test_many_small_gaps_do_not_accumulate(tmp_path):
    samples = tone(10, RATE)
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        audio=Audio(samples=samples[None], codec="pcm_f32le", start_at=lambda start: 2 * start),
    )
    heard, _, problem = read(clip)
    assert len(heard) / RATE == pytest.approx(20, abs=0.2)
    assert problem is None


def test_overlapping_audio_is_returned_once(tmp_path):
    samples = tone(4, RATE)  # pieces that overlap the previous one by half
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        audio=Audio(samples=samples[None], codec="pcm_f32le", start_at=lambda start: start // 2),
    )
    heard, _, problem = read(clip)
    assert len(heard) / RATE == pytest.approx(2, abs=0.1)
    assert problem is None


def test_audio_before_the_video_has_negative_times(tmp_path):
    samples = tone(4, RATE)
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        pts_ms=[1500 + 40 * n for n in range(48)],
        audio=Audio(samples=samples[None], codec="pcm_f32le"),
    )
    heard, start_seconds, problem = read(clip)
    assert np.array_equal(heard, samples)
    assert (start_seconds, problem) == (-1.5, None)
    encoder = networks.loaded("logmel")
    decoder = ClipDecoder([encoder], sampling=Sampling(), limits=Limits())
    job = Job(0, "a", clip, (0,))
    units = [message for message in decoder.read(job) if isinstance(message, UnitsOf)]
    seconds = np.concatenate([message.pts_seconds for message in units])
    assert seconds == pytest.approx(-1.5 + encoder.hop_seconds * np.arange(len(seconds)))


def test_audio_without_video_starts_at_zero(tmp_path):
    samples = tone(2, RATE)
    audio = Audio(samples=samples[None], codec="pcm_f32le", start_at=lambda start: start + RATE)
    heard, start_seconds, _ = read(make_clip(tmp_path / "a.mka", num_frames=0, audio=audio))
    assert np.array_equal(heard, samples)
    assert start_seconds == 0


def test_the_clock_can_wrap_around_between_video_and_audio(tmp_path):
    # Audio that is stored after the video is not read when the file is opened, and its encoder
    # delay starts at the last ticks of the clock.
    clip = make_clip(tmp_path / "a.ts", num_frames=600, audio=Audio(25, rate=48_000))
    with av.open(clip) as container:
        audio = container.streams.audio[0]
        assert next(container.decode(audio)).pts * audio.time_base > 90_000
    heard, start_seconds, problem = read(clip)
    assert len(heard) / RATE == pytest.approx(25, abs=0.1)
    assert (start_seconds, problem) == (0, None)


def joined(tmp_path: Path, *, second_at: float) -> Path:
    """Return two recordings of two seconds, 440 and 880 Hz, the second one at `second_at`."""
    parts = [
        make_clip(
            tmp_path / f"{hz}.ts",
            fps=25,
            num_frames=50,
            pts_ms=[round(1000 * at) + 40 * n for n in range(50)],
            audio=Audio(
                rate=48_000, hz=hz, codec="ac3", start_at=lambda s, at=at: s + round(48_000 * at)
            ),
        ).read_bytes()
        for hz, at in ((440, 10), (880, 10 + second_at))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(
    ("second_at", "seconds", "turns_at"),
    [
        (2, 4, 2),
        (3, 5, 3),
        (1.5, 4, 2),  # the clock restarts
        (-1, 4, 2),
    ],
)
def test_concatenated_recordings_follow_their_clock(tmp_path, second_at, seconds, turns_at):
    path = joined(tmp_path, second_at=second_at)
    heard, start_seconds, problem = read(path)
    assert (start_seconds, problem) == (0, None)
    with read_media(path, sampling=Sampling(every_nth=1)) as blocks:
        times = np.concatenate([block.pts_seconds for block in blocks])
    assert (times[50], times[-1]) == pytest.approx((turns_at, seconds - 1 / 25))
    assert len(heard) / RATE == pytest.approx(seconds, abs=0.1)
    for span, hz in (((0.2, 1.8), 440), ((turns_at + 0.2, seconds - 0.2), 880)):
        part = heard[round(span[0] * RATE) : round(span[1] * RATE)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() * RATE / len(part) == pytest.approx(hz, abs=3)
        assert np.sqrt(2 * np.mean(part**2)) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("is_stated", [True, False])
def test_a_gap_of_hours_is_not_filled(tmp_path, is_stated):
    samples = tone(2, RATE)
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        container_options={} if is_stated else {"live": "1"},
        audio=Audio(
            samples=samples[None],
            codec="pcm_f32le",
            start_at=lambda start: start if start < RATE else start + 7200 * RATE,
        ),
    )
    heard, _, problem = read(clip, limits=Limits(max_duration_seconds=20))
    if is_stated:  # a clip of two hours, read up to its limit
        assert len(heard) / RATE == pytest.approx(20, abs=2)
        assert problem == "audio: only the first 20 s were read, ends after 20.0 of 7202.0 s"
    else:
        assert np.array_equal(heard, samples)
        assert problem == "audio: a gap of 7,200 s in its timestamps, ignored as an error"


def test_gaps_are_filled_in_blocks_at_several_rates(tmp_path):
    clip = make_clip(
        tmp_path / "a.mkv",
        num_frames=48,
        audio=Audio(start_at=lambda start: start if start < RATE else start + 45 * RATE),
    )
    with read_media(clip, sampling=None, sample_rate_hz=[RATE, 48_000]) as blocks:
        seconds = {RATE: 0.0, 48_000: 0.0}
        for block in blocks:
            assert block.start_seconds == pytest.approx(seconds[block.sample_rate])
            assert block.seconds <= 10
            seconds[block.sample_rate] += block.seconds
    assert list(seconds.values()) == pytest.approx([47.1, 47.1], abs=0.1)
    assert blocks.summary.audio.seconds == pytest.approx(47.1, abs=0.1)


VIDEO_STREAM = SimpleNamespace(start_time=0, time_base=Fraction(1, 1000), disposition=0)
PIECES = st.lists(st.tuples(st.integers(-900, 5_000), st.integers(1, 2_000)), min_size=1)


def clock(name: str) -> Alignment:
    streams = SimpleNamespace(best=lambda kind: VIDEO_STREAM, video=[])
    return Alignment(
        SimpleNamespace(format=SimpleNamespace(name=name), duration=None, streams=streams)
    )


@given(PIECES)
def test_audio_is_always_within_the_tolerance(pieces):
    alignment, heard_ms, until = clock("flv"), 0, 0  # at 1,000 samples per second
    for step, num_samples in pieces:
        pts = max(until + step, 0) if until else 0
        until = pts + num_samples
        frame = SimpleNamespace(
            pts=pts, time_base=Fraction(1, 1000), samples=num_samples, sample_rate=1000
        )
        silent = alignment.gap_samples(frame)
        assert -num_samples <= silent
        if silent > -num_samples:
            assert abs(heard_ms + silent - pts) <= 100 or heard_ms - pts > 1000
        heard_ms += num_samples + silent
        if heard_ms - until > 1000:
            return  # the clock restarted
    assert alignment.start_seconds == 0


@given(st.sampled_from(["avi", "mp3"]), PIECES)
def test_without_timestamps_pieces_are_concatenated(name, pieces):
    alignment, until = clock(name), 0
    for step, num_samples in pieces:
        frame = SimpleNamespace(
            pts=until and until + step,
            time_base=Fraction(1, 1000),
            samples=num_samples,
            sample_rate=1000,
        )
        assert alignment.gap_samples(frame) == 0
        until += num_samples
