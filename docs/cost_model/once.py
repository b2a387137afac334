"""Costs outside training steps: extraction, item neighbours and ranking."""

from __future__ import annotations

from dataclasses import dataclass

from docs.cost_model.inputs import CORE, GPU, HOUR, Machine, Plan, World

NUM_FRAMES = 16
DECODED = 26.0  # frames a second and core, docs/scale.md
ENCODED = 10.7  # frames a second and core, ResNet50
FRAME_FLOP = 8.2e9
OTHERS = 0.05  # seconds for audio and caption
CLIP_BYTES = 3e6  # assumed: 15 seconds at 720 lines
LINK = 1.25e9  # bytes a second from the storage: 10 Gbit/s
GB_MONTH = 0.023  # dollars


@dataclass(frozen=True)
class Extraction:
    """The cost of extracting the features of a collection."""

    core_hours: float
    gpu_hours: float
    source_bytes: float
    store_bytes: float
    files: float

    @property
    def dollars(self) -> float:
        """Dollars for computing, without storage."""
        return self.core_hours * CORE.dollars + self.gpu_hours * GPU.dollars

    @property
    def read_hours(self) -> float:
        """Hours of reading the videos over one link."""
        return self.source_bytes / LINK / HOUR


def extraction(num_videos: float, *, on_gpu: bool) -> Extraction:
    """Return the cost of visual, acoustic and textual features of some videos."""
    decode = NUM_FRAMES / DECODED + OTHERS
    encode = NUM_FRAMES / ENCODED
    gpu = NUM_FRAMES * FRAME_FLOP / GPU.flops
    # float16 rows in blocks of 4 KiB: 16 x 2048, 15 x 128, 1 x 384; and three lines of records.
    stored = NUM_FRAMES * 2048 * 2 + 4096 + 4096 + 3 * 250
    return Extraction(
        core_hours=num_videos * (decode + (0 if on_gpu else encode)) / HOUR,
        gpu_hours=num_videos * gpu / HOUR if on_gpu else 0.0,
        source_bytes=num_videos * CLIP_BYTES,
        store_bytes=num_videos * stored,
        files=3 * num_videos,
    )


def ranking_hours(world: World, plan: Plan, machine: Machine) -> float:
    """Return the hours of scoring every video for every user: an inner product each."""
    width = plan.dim * (plan.ensemble_size if plan.model == "linear_mmgcn" else 1)
    return 2 * width * world.users * world.items / machine.flops / HOUR


def neighbour_hours(world: World, machine: Machine) -> float:
    """Return the hours of comparing all videos by content, once before a training."""
    return 2 * world.items**2 * sum(world.widths) / machine.flops / HOUR
