"""Decoding of videos, images and audio files into frames and waveforms."""

from extract.media.blocks import Frames, Waveform
from extract.media.coverage import Coverage, Summary
from extract.media.frame_sampling import Sampling
from extract.media.limits import Limits, MediaError
from extract.media.media_info import MediaInfo, probe
from extract.media.reader import MediaReader, read_media

__all__ = [
    "Coverage",
    "Frames",
    "Limits",
    "MediaError",
    "MediaInfo",
    "MediaReader",
    "Sampling",
    "Summary",
    "Waveform",
    "probe",
    "read_media",
]
