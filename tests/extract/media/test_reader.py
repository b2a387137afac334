"""Reading of every container and codec, of damaged files, and the hard limits."""

import os
import struct
import subprocess
import sys
import wave
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from extract.media import (
    Frames,
    Limits,
    MediaError,
    Sampling,
    Waveform,
    probe,
    read_media,
    timeline,
)
from extract.media.frame_conversion import FrameConverter
from extract.media.limits import Deadline, DeadlineError
from tests.clips import Audio, draw, indices_of, make_clip, repeat_clip, tone


def read(path: Path, **options):
    """Return the indices of all frames, the audio at 16 kHz and the summary."""
    with read_media(
        path, sampling=Sampling(every_nth=1), sample_rate_hz=[16_000], **options
    ) as blocks:
        everything = list(blocks)
    indices = [
        i for block in everything if isinstance(block, Frames) for i in indices_of(block.data)
    ]
    heard = [block.data for block in everything if isinstance(block, Waveform)]
    return indices, np.concatenate(heard or [np.zeros(0, np.float32)]), blocks.summary


@pytest.mark.parametrize("name", ["h264.mp4", "vp9.webm"])
def test_frames_that_several_samplings_select_are_decoded_once(tmp_path, monkeypatch, name):
    """Each of them has its own blocks, which are those of a pass of its own."""
    clip = make_clip(tmp_path / name, num_frames=80)
    samplings = [Sampling(num_frames=4), Sampling(every_nth=2)]
    alone = []
    for sampling in samplings:
        with read_media(clip, sampling=sampling) as blocks:
            alone.append(list(blocks))
    converted = []

    def rgb(self, frame, packet=None):
        converted.append(frame.pts)
        return convert(self, frame, packet)

    convert = FrameConverter.rgb
    monkeypatch.setattr(FrameConverter, "rgb", rgb)
    with read_media(clip, sampling=samplings) as blocks:
        together = list(blocks)
    for number, expected in enumerate(alone):
        found = [block for block in together if block.sampling == number]
        assert [len(block) for block in found] == [len(block) for block in expected]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.data, other.data)
            np.testing.assert_array_equal(one.pts_seconds, other.pts_seconds)
    assert len(converted) == len(set(converted)) < 4 + 40


# --- containers and codecs ---


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264-aac.mp4", {}),
        ("h264-aac.mov", {}),
        ("h264-aac.mkv", {}),
        ("h264-aac.ts", {}),
        ("h264-aac.flv", {}),
        ("h264-aac.3gp", {}),
        ("h264-mp3.avi", {"codec": "libx264"}),
        ("mpeg4-mp3.avi", {}),
        ("mpeg4-aac.mp4", {"codec": "mpeg4"}),
        ("hevc-aac.mp4", {"codec": "libx265"}),
        ("hevc-ac3.mkv", {"codec": "libx265", "audio": Audio(1, codec="ac3", rate=48_000)}),
        ("av1-opus.mp4", {"codec": "libsvtav1", "audio": Audio(1, codec="libopus", rate=48_000)}),
        (
            "vp8-vorbis.webm",
            {"codec": "libvpx", "audio": Audio(1, codec="vorbis", layout="stereo")},
        ),
        ("vp9-opus.webm", {}),
        ("mjpeg.mov", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
        ("h264-pcm.mov", {"audio": Audio(1, codec="pcm_s16le")}),
    ],
)
def test_frames_and_audio_of_any_container_and_codec(tmp_path, name, options):
    clip = make_clip(tmp_path / name, num_frames=24, **{"audio": Audio(seconds=1), **options})
    indices, heard, summary = read(clip)
    assert indices == list(range(24))
    assert len(heard) / 16_000 == pytest.approx(1, abs=0.15)
    assert np.sqrt(2 * np.mean(heard[4_000:12_000] ** 2)) == pytest.approx(0.5, rel=0.1)
    assert summary.video.seconds == pytest.approx(1, abs=0.15)
    assert summary.partial_reason is None


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.png", "png", "rgb24"),
        ("a.jpg", "mjpeg", "yuvj420p"),
        ("a.webp", "libwebp", "yuv420p"),
        ("a.bmp", "bmp", "bgr24"),
        ("a.tiff", "tiff", "rgb24"),
        ("photo%03d.png", "png", "rgb24"),  # a pattern in FFmpeg
    ],
)
def test_an_image_is_a_clip_of_one_frame(tmp_path, name, codec, pix_fmt):
    source = tmp_path / f"source{Path(name).suffix}"
    image = make_clip(source, num_frames=1, codec=codec, pix_fmt=pix_fmt).rename(tmp_path / name)
    indices, heard, summary = read(image)
    assert indices == [0]
    assert len(heard) == 0
    assert summary.audio is None
    assert probe(image).has_video
    assert not probe(image).has_audio


def test_cover_art_is_not_video(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(path, "w") as container:
        song = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic.value
        art = av.VideoFrame.from_ndarray(draw(3), format="rgb24")
        art.pts = 0
        container.mux(cover.encode(art))
        container.mux(cover.encode(None))
        for start in range(0, 44_100, song.codec_context.frame_size or 1152):
            part = tone(1, 44_100)[start : start + 1152][None]
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, start
            container.mux(song.encode(frame))
        container.mux(song.encode(None))
    with av.open(path) as container:
        assert len(container.streams.video) == 1
    assert not probe(path).has_video
    indices, heard, summary = read(path)
    assert indices == []
    assert summary.video is None
    assert len(heard) / 16_000 == pytest.approx(1, abs=0.1)


def test_cover_art_of_a_clip_is_ignored(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(path, "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        clip = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        cover.pix_fmt, clip.pix_fmt = "yuvj420p", "yuv420p"
        cover.disposition = Disposition.attached_pic.value
        for stream in (cover, clip):
            stream.width, stream.height = 96, 64
        for stream, shown in ((cover, [99]), (clip, range(5))):
            for pts, index in enumerate(shown):
                frame = av.VideoFrame.from_ndarray(draw(index), format="rgb24")
                frame.pts = pts
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with av.open(path) as container:
        assert len(container.streams.video) == 2
    indices, _, _ = read(path)
    assert indices == [0, 1, 2, 3, 4]


def test_only_requested_streams_are_read(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", audio=Audio(seconds=1))
    with read_media(clip, sampling=None) as blocks:
        assert list(blocks) == []
    assert blocks.summary.video is None
    assert blocks.summary.audio is None
    with read_media(clip, sampling=Sampling()) as blocks:
        assert all(isinstance(block, Frames) for block in blocks)
    with read_media(clip, sampling=None, sample_rate_hz=[16_000]) as blocks:
        assert all(isinstance(block, Waveform) for block in blocks)


def test_a_missing_stream_is_none_in_the_summary(tmp_path):
    _, _, summary = read(make_clip(tmp_path / "silent.mp4"))
    assert summary.audio is None
    assert summary.video.problem is None


def test_a_header_is_read_without_decoding(tmp_path):
    clip = make_clip(
        tmp_path / "a.mp4", num_frames=48, audio=Audio(rate=44_100), title=" Two cats "
    )
    info = probe(clip)
    assert info.duration_seconds == pytest.approx(2, abs=0.1)
    assert (info.has_video, info.has_audio) == (True, True)
    assert (info.width, info.height, info.video_codec) == (96, 64, "h264")
    assert (info.audio_codec, info.sample_rate_hz) == ("aac", 44_100)
    assert info.title == "Two cats"
    assert probe(make_clip(tmp_path / "b.webm", title="猫が二匹")).title == "猫が二匹"
    assert probe(make_clip(tmp_path / "c.mkv")).title is None


def test_a_long_title_is_truncated(tmp_path):
    title = probe(make_clip(tmp_path / "a.mp4", title="word " * 100_000)).title
    assert title == ("word " * 100_000)[: 1 << 16].strip()


def test_packets_of_long_clips_are_not_kept_in_memory(tmp_path, monkeypatch):
    stored = []
    original = timeline.Timeline.shown

    def shown(self):
        stored.append(self.packets)
        return original(self)

    monkeypatch.setattr(timeline, "MAX_STORED_BYTES", 20_000)
    monkeypatch.setattr(timeline.Timeline, "shown", shown)
    indices, _, _ = read(make_clip(tmp_path / "a.mp4", num_frames=60))
    assert indices == list(range(60))
    assert stored == [None]


PEAK = """
import resource, sys
from extract.media import Frames, Sampling, read_media
with read_media(sys.argv[1], sampling=Sampling(fps=2), sample_rate_hz=[16_000]) as blocks:
    seconds = sum(0 if isinstance(block, Frames) else block.seconds for block in blocks)
print(blocks.summary.video.seconds, seconds)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_memory_does_not_grow_with_the_duration(tmp_path):
    short = make_clip(
        tmp_path / "short.mp4",
        num_frames=240,
        width=192,
        height=128,
        options={"g": "48"},
        audio=Audio(10),
    )
    film = repeat_clip(short, tmp_path / "film.mp4", times=120)
    peaks = []
    for path, minutes in ((short, 1 / 6), (film, 20)):
        printed = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
        ).stdout
        video, audio, megabytes = (float(word) for word in printed.split())
        assert video == pytest.approx(60 * minutes, rel=0.02)
        assert audio == pytest.approx(60 * minutes, rel=0.02)
        peaks.append(megabytes)
    # In memory: compressed packets (24 MiB), pending frames (64 MiB), one block.
    assert peaks[1] - peaks[0] < 130


# --- damaged files ---


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_truncated_file_is_decoded_up_to_its_end(tmp_path, suffix):
    clip = make_clip(
        tmp_path / f"a{suffix}",
        num_frames=240,
        audio=Audio(seconds=10),
        container_options={"movflags": "faststart"} if suffix == ".mp4" else {},
    )
    cut = clip.with_stem("cut")
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    indices, heard, summary = read(cut)
    assert indices == list(range(len(indices)))
    assert 60 < len(indices) < 180
    assert summary.video.seconds == pytest.approx(len(indices) / 24, abs=0.01)
    assert summary.video.expected_seconds == pytest.approx(10)
    assert summary.audio.seconds == pytest.approx(len(heard) / 16_000, abs=0.1)
    assert f"ends after {summary.video.seconds:.1f} of 10.0 s" in summary.video.problem
    assert "ends after" in summary.audio.problem
    assert summary.partial_reason.startswith(f"video: {summary.video.problem}; audio: ")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_clip_with_a_long_last_frame_is_complete(tmp_path, suffix):
    clip = make_clip(tmp_path / f"short{suffix}", num_frames=3, pts_ms=[0, 1000, 2000])
    stored = tmp_path / f"stored{suffix}"
    with av.open(clip) as source, av.open(stored, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                packet.duration = round(1 / packet.time_base)
                if packet.pts * packet.time_base == 2:
                    packet.duration *= 10
                target.mux(packet)
    indices, _, summary = read(stored)
    assert indices == [0, 1, 2]
    assert summary.video.seconds == pytest.approx(12)
    assert summary.partial_reason is None


@pytest.mark.parametrize(
    ("late_ms", "cut_ms", "shown_ms"), [(1000, 0, 4000), (1000, 1000, 2000), (3000, 0, 1000)]
)
def test_an_mp4_that_starts_late_and_is_trimmed_is_complete(tmp_path, late_ms, cut_ms, shown_ms):
    clip = make_clip(
        tmp_path / "a.mp4",
        num_frames=100,
        pts_ms=[1000 + 40 * n for n in range(100)],
        options={"g": "10"},
        audio=Audio(seconds=4, start_at=lambda start: start + 16_000),
    )
    data, start = bytearray(clip.read_bytes()), 0
    for _ in ("video", "audio"):  # both have 16,000 ticks per second
        start = data.index(b"elst", start) + 8
        (count, _, media_time) = struct.unpack_from(">IIi", data, start)
        assert (count, media_time) == (2, -1)  # an empty edit, and the media
        (first,) = struct.unpack_from(">i", data, start + 20)
        struct.pack_into(">I", data, start + 4, late_ms)
        struct.pack_into(">Ii", data, start + 16, shown_ms, first + 16 * cut_ms)
    clip.write_bytes(data)
    indices, heard, summary = read(clip)
    assert indices == list(range(cut_ms // 40, (cut_ms + shown_ms) // 40))
    assert len(heard) / 16_000 == pytest.approx(shown_ms / 1000, abs=0.15)
    for part in (summary.video, summary.audio):
        assert part.seconds == pytest.approx(shown_ms / 1000, abs=0.15)
        assert part.expected_seconds == pytest.approx(shown_ms / 1000, abs=0.15)
    assert summary.partial_reason is None


def test_an_mp4_that_starts_late_and_is_truncated_is_partial(tmp_path):
    clip = make_clip(
        tmp_path / "a.mp4",
        num_frames=100,
        pts_ms=[3000 + 40 * n for n in range(100)],
        container_options={"movflags": "faststart"},
    )
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 4])
    _, _, summary = read(clip)
    assert "of 4.0 s" in summary.partial_reason


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts"])
def test_a_stream_that_starts_long_after_the_other_is_complete(tmp_path, suffix):
    def late(start: int) -> int:
        return start + 20 * 48_000

    audio, pts_ms = Audio(2, rate=48_000, start_at=late), [20_000 + 40 * n for n in range(50)]
    clip = make_clip(tmp_path / f"a{suffix}", num_frames=550, fps=25, audio=audio)
    _, heard, summary = read(clip)
    assert len(heard) / 16_000 == pytest.approx(22, abs=0.15)
    assert summary.partial_reason is None
    clip = make_clip(
        tmp_path / f"b{suffix}", num_frames=50, pts_ms=pts_ms, audio=Audio(22, rate=48_000)
    )
    indices, _, summary = read(clip)
    assert indices == list(range(50))
    assert summary.video.seconds == pytest.approx(2, abs=0.05)
    assert summary.partial_reason is None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".asf", ".flv", ".ts"])
def test_audio_that_starts_late_is_complete(tmp_path, suffix):
    clip = make_clip(
        tmp_path / f"a{suffix}",
        codec="mpeg4" if suffix == ".asf" else None,
        num_frames=72,
        audio=Audio(codec="aac", start_at=lambda start: start + 16_000),
    )
    _, heard, summary = read(clip)
    assert len(heard) / 16_000 == pytest.approx(3, abs=0.15)
    assert summary.partial_reason is None


def test_damage_in_the_middle_loses_at_most_one_gop(tmp_path):
    clip = make_clip(
        tmp_path / "a.mp4", num_frames=240, options={"g": "24"}, audio=Audio(seconds=10)
    )
    data = bytearray(clip.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 1_000)
    data[middle] = bytes(byte ^ 0x5A for byte in data[middle])
    clip.write_bytes(data)
    indices, _, summary = read(clip)
    assert len(indices) >= 230
    assert len(set(range(240)) - set(indices)) <= 24  # at most one GOP
    assert "damaged in" in summary.partial_reason


def test_audio_is_decoded_if_the_video_cannot_be(tmp_path):
    clip = make_clip(tmp_path / "a.mkv", num_frames=24, audio=Audio(seconds=1))
    with av.open(clip) as container:
        spans = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(clip.read_bytes())
    for start, size in spans:
        data[start + 8 : start + size] = bytes(size - 8)
    clip.write_bytes(data)
    indices, heard, summary = read(clip)
    assert indices == []
    assert len(heard) > 15_000
    assert summary.video.seconds == 0
    assert summary.video.problem
    assert summary.audio.problem is None


def test_an_image_that_cannot_be_decoded_is_an_error(tmp_path):
    image = make_clip(tmp_path / "a.png", num_frames=1, codec="png", pix_fmt="rgb24")
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(MediaError, match="nothing could be decoded"):
        read(image)


def test_a_video_without_key_frames_is_an_error(tmp_path):
    whole = make_clip(tmp_path / "a.mkv", num_frames=48, options={"g": "24"})
    cut = tmp_path / "b.ts"
    with av.open(whole) as source, av.open(cut, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size and not packet.is_keyframe:
                packet.stream = stream
                target.mux(packet)
    with pytest.raises(MediaError, match="nothing could be decoded: video: "):
        read(cut)


CENC = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}


def test_an_encrypted_clip_is_reported_as_encrypted(tmp_path):
    clip = make_clip(
        tmp_path / "a.mp4", num_frames=24, audio=Audio(seconds=1), container_options=CENC
    )
    with pytest.raises(MediaError, match=r"video: encrypted \(DRM\).*audio: encrypted") as caught:
        read(clip)
    assert "damaged" not in str(caught.value)


def test_an_encrypted_stream_does_not_hide_the_limit_on_the_duration(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, container_options=CENC)
    with pytest.raises(MediaError, match="encrypted"):
        read(clip, limits=Limits(max_duration_seconds=1))


def test_an_empty_audio_track_is_not_an_error(tmp_path):
    silent = tmp_path / "a.wav"
    with wave.open(str(silent), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    indices, heard, summary = read(silent)
    assert (indices, len(heard)) == ([], 0)
    assert summary.audio.seconds == 0
    assert summary.partial_reason is None


def test_nothing_is_written_to_standard_error(tmp_path, capfd):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, audio=Audio())
    data = bytearray(clip.read_bytes())
    data[2_000:4_000] = bytes(2_000)
    clip.write_bytes(data)
    capfd.readouterr()
    read(clip)
    assert capfd.readouterr() == ("", "")


# --- refused files ---


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("playlist.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("concat.mp4", "ffconcat version 1.0\nfile '{clip}'\n"),
        ("session.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ("dash.mp4", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'),
        ("text.mp4", "no clip at all\n" * 100),
        ("subtitles.mkv", "1\n00:00:00,000 --> 00:00:02,000\nhello\n\n"),
    ],
)
def test_files_that_reference_other_files_are_refused(tmp_path, name, text):
    clip = make_clip(tmp_path / "clip.mp4", num_frames=5)
    path = tmp_path / name
    path.write_text(text.format(clip=clip))
    with pytest.raises(MediaError, match="not a video, image or audio file of a known format"):
        probe(path)


def test_an_mp4_without_an_index_is_an_error(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48)
    clip.write_bytes(clip.read_bytes()[:-2_000])
    with pytest.raises(MediaError, match="an MP4 without a readable index: cut off"):
        probe(clip)


def test_only_regular_files_are_opened(tmp_path):
    with pytest.raises(MediaError, match="cannot be opened: No such file"):
        probe(tmp_path / "missing.mp4")
    with pytest.raises(MediaError, match="not a regular file"):
        probe(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError, match="the file is empty"):
        probe(tmp_path / "empty.mp4")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        with pytest.raises(MediaError, match="not a regular file"):
            probe(tmp_path / "pipe.mp4")


def test_the_limits_are_enforced(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, audio=Audio())
    with pytest.raises(MediaError, match="more than 1 streams"):
        read(clip, limits=Limits(max_streams=1))
    with pytest.raises(MediaError, match="more than 10 packets"):
        read(clip, limits=Limits(max_packets=10))
    with pytest.raises(DeadlineError, match="took longer than 0 s"):
        read(clip, limits=Limits(max_seconds=0))
    indices, heard, summary = read(clip, limits=Limits(max_duration_seconds=1))
    assert indices == list(range(25))
    assert len(heard) / 16_000 == pytest.approx(1, abs=0.2)
    assert summary.video.problem.startswith("only the first 1 s were read")


@pytest.mark.parametrize("suffix", [".webm", ".avi"])  # with timestamps and without
def test_the_limits_are_enforced_in_sequential_decoding(tmp_path, suffix):
    clip = make_clip(tmp_path / f"a{suffix}", num_frames=48)
    indices, _, summary = read(clip, limits=Limits(max_duration_seconds=1))
    assert indices == list(range(25))
    assert summary.video.problem.startswith("only the first 1 s were read")


def test_a_small_file_with_a_huge_image_is_not_decompressed(tmp_path):
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress(bytes((1 + 3 * 9_000) * 100), 9)
    size = struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0)
    bomb = tmp_path / "a.png"
    bomb.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    with pytest.raises(MediaError, match="damaged, or more than 64,000,000 pixels"):
        read(bomb)


def test_the_time_of_the_consumer_is_not_counted(monkeypatch):
    clock = iter([0.0, 3.0, 100.0, 101.0, 105.0])
    monkeypatch.setattr("extract.media.limits.time.monotonic", lambda: next(clock))
    deadline = Deadline(5)
    with deadline:  # from 0 to 3
        pass
    with deadline:  # from 100
        deadline.check()  # at 101: 4 s are spent
        with pytest.raises(DeadlineError, match="took longer than 5 s"):
            deadline.check()  # at 105: 8 s are
        monkeypatch.undo()


def test_every_file_is_closed(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=48, audio=Audio())
    (tmp_path / "text.mp4").write_text("no clip\n" * 100)

    def num_open() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files cannot be counted here")
    before = num_open()
    read(clip)
    list(read_media(clip, sampling=Sampling()))  # closes the file at its end
    with read_media(clip, sampling=Sampling()) as blocks:
        next(blocks)  # and when it is left early
    for broken, limits in ((tmp_path / "text.mp4", Limits()), (clip, Limits(max_packets=3))):
        with pytest.raises(MediaError):
            read(broken, limits=limits)
    assert num_open() == before


def test_the_summary_is_available_after_the_last_block(tmp_path):
    clip = make_clip(tmp_path / "a.mp4")
    with (
        read_media(clip, sampling=Sampling()) as blocks,
        pytest.raises(ValueError, match="after every block"),
    ):
        blocks.summary  # noqa: B018
