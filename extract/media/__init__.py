"""Clips, pictures and sound files of any kind -> frames and waveforms."""

from extract.media.blocks import Frames, Waveform
from extract.media.container import MediaInfo, probe
from extract.media.coverage import Coverage, Summary
from extract.media.frame_sampling import Sampling
from extract.media.limits import Limits, MediaError
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
