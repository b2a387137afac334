"""Audio of any file is decoded to mono, at the requested rate, with the right loudness."""

from pathlib import Path

import av
import numpy as np
import pytest

from extract.media import Limits, Sampling, Waveform, audio, read_media
from tests.clips import Audio, make_clip, tone

# ITU-R BS.775: the sides 3 dB and the surrounds 6 dB below the centre, the subwoofer excluded.
SHARES_5_1 = np.array([0.5**0.5, 0.5**0.5, 1, 0, 0.5, 0.5])


def read(path: Path, rate: int = 16_000, **options) -> np.ndarray:
    return read_rates(path, rate, **options)[rate]


def read_rates(path: Path, *rates: int, **options) -> dict[int, np.ndarray]:
    with read_media(path, sampling=None, sample_rate_hz=rates, **options) as blocks:
        waveforms = [block for block in blocks if isinstance(block, Waveform)]
    assert blocks.summary.partial_reason is None
    for rate in rates:
        seconds = 0.0
        for block in (block for block in waveforms if block.sample_rate == rate):
            assert block.start_seconds == pytest.approx(seconds)
            assert block.seconds <= 10
            assert np.isfinite(block.data).all()
            assert np.abs(block.data).max(initial=0) <= 1
            seconds += block.seconds
    return {
        rate: np.concatenate([block.data for block in waveforms if block.sample_rate == rate])
        for rate in rates
    }


def wav(path: Path, samples: np.ndarray, *, rate=16_000, layout="mono", codec="pcm_f32le") -> Path:
    return make_clip(
        path,
        num_frames=0,
        audio=Audio(samples=np.atleast_2d(samples), rate=rate, layout=layout, codec=codec),
    )


def pitch_and_loudness(samples: np.ndarray, rate: int = 16_000) -> tuple[float, float]:
    """Return the strongest frequency in Hz, and the amplitude of an equally loud sine."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return spectrum.argmax() * rate / len(middle), float(np.sqrt(2 * np.mean(middle**2)))


@pytest.mark.parametrize("source_rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_any_rate_is_resampled_to_the_requested_rate(tmp_path, source_rate, rate):
    samples = read(wav(tmp_path / "a.wav", tone(2, source_rate), rate=source_rate), rate)
    assert len(samples) == pytest.approx(2 * rate, abs=rate / 100)
    pitch, loudness = pitch_and_loudness(samples, rate)
    assert pitch == pytest.approx(440, abs=2)
    assert loudness == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("codec", "bits"),
    [
        ("pcm_u8", 8),
        ("pcm_s16le", 16),
        ("pcm_s24le", 24),
        ("pcm_s32le", 24),
        ("pcm_f32le", 24),
        ("pcm_f64le", 24),
        ("pcm_mulaw", 6),
    ],
)
def test_samples_keep_their_values_at_their_own_rate(tmp_path, codec, bits):
    samples = tone(0.5, 16_000)
    got = read(wav(tmp_path / "a.wav", samples, codec=codec))
    assert got == pytest.approx(samples, abs=2.0 ** (1 - bits))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "aac"),
        (".mp4", "libmp3lame"),
        (".mkv", "vorbis"),
        (".mkv", "ac3"),
        (".webm", "libopus"),
        (".mov", "pcm_s16le"),
        (".mkv", "flac"),
        (".mp3", "libmp3lame"),
        (".flac", "flac"),
        (".ogg", "libopus"),
        (".aac", "aac"),
        (".m4a", "aac"),
    ],
)
def test_codecs_keep_pitch_and_loudness(tmp_path, suffix, codec):
    audio = Audio(rate=48_000, layout="stereo", codec=codec, seconds=2)
    samples = read(make_clip(tmp_path / f"a{suffix}", num_frames=0, audio=audio))
    assert len(samples) == pytest.approx(32_000, rel=0.05)
    pitch, loudness = pitch_and_loudness(samples)
    assert pitch == pytest.approx(440, abs=2)
    assert loudness == pytest.approx(0.5, rel=0.1)


def test_stereo_is_mixed_to_the_mean_of_its_channels(tmp_path):
    left, right = tone(1, 16_000, 300), tone(1, 16_000, 700)
    got = read(wav(tmp_path / "a.wav", np.stack([left, right]), layout="stereo"))
    assert got == pytest.approx((left + right) / 2, abs=1e-6)


def test_opposite_channels_cancel(tmp_path):
    samples = tone(1, 16_000)
    got = read(wav(tmp_path / "a.wav", np.stack([samples, -samples]), layout="stereo"))
    assert got == pytest.approx(np.zeros(16_000), abs=1e-6)


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)"])
@pytest.mark.parametrize("channel", range(6))
def test_surround_is_mixed_by_the_standard(tmp_path, channel, layout):
    samples = np.zeros((6, 16_000), np.float32)
    samples[channel] = tone(1, 16_000)
    got = read(wav(tmp_path / "a.wav", samples, layout=layout))
    share = SHARES_5_1[channel] / SHARES_5_1.sum()
    assert got == pytest.approx(share * samples[channel], abs=1e-6)


@pytest.mark.parametrize(
    ("suffix", "codec", "layout"),
    [
        (".m4a", "aac", "7.1"),
        (".mkv", "libopus", "7.1"),
        (".mkv", "flac", "7.1"),
        (".mkv", "wavpack", "7.1.4"),
        (".wav", "pcm_s16le", "hexadecagonal"),
    ],
)
def test_eight_channels_and_more_are_read(tmp_path, suffix, codec, layout):
    path = tmp_path / f"a{suffix}"
    samples = read(
        make_clip(path, num_frames=0, audio=Audio(rate=48_000, layout=layout, codec=codec))
    )
    pitch, loudness = pitch_and_loudness(samples)
    assert pitch == pytest.approx(440, abs=2)
    assert loudness == pytest.approx(0.5, rel=0.02)


def test_full_scale_on_all_channels_does_not_clip(tmp_path):
    samples = np.tile(tone(1, 16_000) * 2, (6, 1)) * 0.999
    got = read(wav(tmp_path / "a.wav", samples, layout="5.1"))
    assert got == pytest.approx(samples[0], abs=1e-5)


def test_non_finite_samples_become_finite(tmp_path):
    samples = tone(1, 16_000)
    samples[[100, 200, 300, 400]] = [np.nan, np.inf, -np.inf, 7]
    got = read(wav(tmp_path / "a.wav", samples))
    assert got[[100, 200, 300, 400]].tolist() == [0, 1, -1, 1]


def test_several_rates_are_returned_by_one_pass(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=24, audio=Audio(rate=44_100))
    together = read_rates(clip, 16_000, 48_000, 16_000)
    assert set(together) == {16_000, 48_000}
    for rate, samples in together.items():
        assert np.array_equal(samples, read(clip, rate))


def test_the_size_of_blocks_does_not_change_samples(tmp_path, monkeypatch):
    clip = wav(tmp_path / "a.wav", tone(25, 22_050), rate=22_050)
    whole = read(clip)
    assert len(whole) == pytest.approx(25 * 16_000, abs=50)
    monkeypatch.setattr(audio, "BLOCK_SECONDS", 1)
    assert np.array_equal(read(clip), whole)


def test_audio_and_frames_are_the_same_together_and_alone(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, audio=Audio(rate=44_100))
    with read_media(clip, sampling=Sampling(), sample_rate_hz=[16_000]) as blocks:
        both = list(blocks)
    heard = [block.data for block in both if isinstance(block, Waveform)]
    assert np.array_equal(np.concatenate(heard), read(clip))
    with read_media(clip, sampling=Sampling()) as blocks:
        (alone,) = blocks
    assert np.array_equal(both[-1].data, alone.data)


@pytest.mark.parametrize("seconds", [0.5, 4])
def test_audio_can_be_shorter_or_longer_than_the_video(tmp_path, seconds):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, audio=Audio(seconds=seconds))
    assert len(read(clip)) / 16_000 == pytest.approx(seconds, abs=0.1)
    with read_media(clip, sampling=Sampling(), sample_rate_hz=[16_000]) as blocks:
        assert sum(isinstance(block, Waveform) for block in blocks) == 1
    assert blocks.summary.video.seconds == pytest.approx(2)
    assert blocks.summary.audio.seconds == pytest.approx(seconds, abs=0.1)
    assert blocks.summary.partial_reason is None


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_track_is_decoded(tmp_path, default):
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in "ab"]
        for index, stream in enumerate(streams):
            stream.disposition = int(index == default)
        for index, stream in enumerate(streams):
            samples = tone(1, 16_000, hz=(400, 900)[index])
            frame = av.AudioFrame.from_ndarray(
                (samples * 32767).astype(np.int16)[None], format="s16", layout="mono"
            )
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert pitch_and_loudness(read(path))[0] == pytest.approx((400, 900)[default], abs=3)


def test_a_rate_that_changes_within_a_file_is_followed(tmp_path):
    parts = [
        make_clip(
            tmp_path / f"{rate}.aac", num_frames=0, audio=Audio(rate=rate, seconds=1, codec="aac")
        ).read_bytes()
        for rate in (44_100, 22_050)
    ]
    joined = tmp_path / "a.aac"
    joined.write_bytes(b"".join(parts))
    samples = read(joined)
    assert len(samples) == pytest.approx(32_000, rel=0.1)
    for half in np.split(samples[: len(samples) // 2 * 2], 2):
        assert pitch_and_loudness(half)[0] == pytest.approx(440, abs=5)


def test_audio_beyond_the_limits_is_not_read(tmp_path):
    clip = wav(tmp_path / "a.wav", tone(3, 16_000))
    with read_media(
        clip, sampling=None, sample_rate_hz=[16_000], limits=Limits(max_duration_seconds=1)
    ) as blocks:
        heard = sum(block.seconds for block in blocks)
    assert heard == pytest.approx(1, abs=0.5)
    assert "only the first" in blocks.summary.audio.problem
    with (
        read_media(
            clip, sampling=None, sample_rate_hz=[16_000], limits=Limits(max_sample_rate_hz=8_000)
        ) as blocks,
        pytest.raises(ValueError, match=r"1 channels at 16,000 Hz are more than the limit"),
    ):
        list(blocks)


def test_a_waveform_validates_its_fields():
    with pytest.raises(ValueError, match=r"\(S,\) float32, not \(2, 3\) float64"):
        Waveform(np.zeros((2, 3)), 16_000)
    with pytest.raises(ValueError, match="positive number of Hz, not 0"):
        Waveform(np.zeros(3, np.float32), 0)
