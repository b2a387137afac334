"""ExtractConfig: every setting of an extraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from extract.cluster import Cluster
    from extract.media import Limits, Sampling

Reads = Literal["frames", "video", "waveform", "text", "item"]
Engine = Literal["torch", "onnx"]
Precision = Literal["float32", "bfloat16", "int8"]
TokenPooling = Literal["mean", "cls", "last"]
Dtype = Literal["float16", "float32"]
Layout = Literal["files", "packed"]

SAMPLING_RULES = ("num_frames", "fps", "every_nth", "keyframes")


@dataclass(frozen=True)
class ExtractConfig:
    """Settings of an extraction, for the command line, `extract_features` and its workers.

    Raises:
        ValueError: a value that is not allowed, or settings that exclude each other.

    >>> ExtractConfig(fps=2).sampling.provenance
    {'fps': 2}
    """

    modalities: Sequence[str] = ("visual", "acoustic", "textual")
    """Names or letters of modalities."""
    preset: str = "paper"
    """Choice of an encoder per modality. paper: ResNet50, VGGish, sentence embeddings; weights are
    downloaded once. offline: weights that come as packages, or none."""
    encoders: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    """Encoder of a modality instead of the preset's, as NAME or NAME:WEIGHTS, where WEIGHTS is a
    name or a path, or as FAMILY:NAME[:WEIGHTS][@LAYER], where NAME is a model of that library or a
    local folder. Several of one modality share one pass over the file; the last one becomes the
    modality's current feature set."""
    pooling: TokenPooling | None = None
    """How encoders of the family hf reduce token states to a row: mean over tokens, cls (the first
    token) or last (the last token of a text). By default, that of the network's own
    configuration."""
    num_frames: int | None = None
    """Number of frames per clip, spread evenly over its duration."""
    fps: float | None = None
    """Frames per second, instead of num_frames."""
    every_nth: int | None = None
    """Every n-th frame, instead of num_frames."""
    keyframes: bool = False
    """Key frames only, instead of num_frames."""
    speech: str | None = None
    """Whisper network, as a model of the hub or a folder, whose transcripts are the captions of
    clips without one; they are stored with their times. None transcribes nothing."""
    device: str = "auto"
    """Device of the encoders: auto, cpu, cuda or cuda:N. On a CPU each worker decodes and encodes;
    on CUDA workers decode and the main process encodes."""
    engine: Engine = "torch"
    """Runtime of the image encoders on a CPU."""
    precision: Precision = "float32"
    """Precision of the image encoders. bfloat16 is several times faster on processors with AMX,
    int8 on those with VNNI; the report contains the smallest cosine to float32 rows."""
    dtype: Dtype = "float16"
    """Type of the stored rows."""
    layout: Layout | None = None
    """Layout of new feature sets: files (one .npy per item) or packed (few large files, for very
    many items). An existing set keeps its own; the default of a new one is files."""
    workers: int | None = None
    """Number of worker processes; on a cluster, of actors per encoder. By default one per core,
    fewer for few clips or little memory."""
    cluster: Cluster | None = None
    """Ray cluster that decodes and encodes; None uses processes on this machine. The stored bytes
    are the same. Captions are encoded, and the store is written, by the main process."""
    retry_failed: bool = False
    """Extract failed items again."""
    strict: bool = False
    """Stop at the first failure."""
    make_current: bool = False
    """Make the extracted feature sets current even if they cover fewer items than the current
    ones."""
    verify: bool = False
    """Check stored rows against their records, and extract damaged ones again."""
    posters: Path | str | None = None
    """Folder for one JPEG of each decoded clip."""
    sprites: Path | str | None = None
    """Folder for one JPEG of each decoded clip, with eight of its frames side by side."""
    clip_timeout_seconds: float = 120.0
    """Maximum number of seconds to decode one clip, in addition to its duration."""
    clip_memory_gib: float = 4.0
    """Maximum memory, in GiB, that a worker may use for one clip."""
    limits: Limits | None = None
    """Hard limits for untrusted files; None uses the defaults."""

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "encoders", self.encoder_choices
        )  # a form that can be sent to a worker
        object.__setattr__(self, "modalities", tuple(self.modalities))
        for name in ("posters", "sprites"):
            if (folder := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(folder))
        if self.posters is not None and self.posters == self.sprites:
            raise ValueError(
                "`posters` and `sprites` are the same folder, and their files have the same names; "
                "name two folders"
            )
        for name, known in (
            *(("engine", Engine), ("precision", Precision), ("dtype", Dtype)),
            ("pooling", TokenPooling),
        ):
            if (value := getattr(self, name)) is not None and value not in get_args(known):
                raise ValueError(f"{name} is '{value}'; known: {', '.join(get_args(known))}")
        if self.layout not in (None, *get_args(Layout)):
            raise ValueError(f"layout is '{self.layout}'; known: {', '.join(get_args(Layout))}")
        kind, _, index = self.device.partition(":")
        if self.device not in ("auto", "cpu", "cuda") and not (
            kind == "cuda" and index.isdecimal()
        ):
            raise ValueError(f"device is '{self.device}'; known: auto, cpu, cuda, cuda:N")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers is {self.workers}; at least 1 is needed")
        for name in ("clip_timeout_seconds", "clip_memory_gib"):
            if not 0 < (amount := getattr(self, name)) < float("inf"):  # false for NaN, too
                raise ValueError(f"{name} is {amount}; it must be positive and finite")
        given = [f"`{name}`" for name in SAMPLING_RULES if getattr(self, name) not in (None, False)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; choose one of them")
        for name in SAMPLING_RULES[:3]:
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}; it must be positive")

    @property
    def sampling(self) -> Sampling:
        """The sampling of frames."""
        from extract.media import Sampling

        return Sampling(**{name: getattr(self, name) for name in SAMPLING_RULES})

    @property
    def encoder_choices(self) -> tuple[tuple[str, str], ...]:
        """`encoders` as pairs of a modality and NAME or NAME:WEIGHTS."""
        choices = self.encoders
        return tuple(choices.items() if isinstance(choices, Mapping) else choices)

    @property
    def clip_memory_bytes(self) -> int:
        """`clip_memory_gib` in bytes."""
        return int(self.clip_memory_gib * 2**30)
