"""A process that writes posters, so that a broken video cannot crash a service."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from extract.media import Frames, MediaError, Sampling, read_media
from extract.workers.poster import write_poster
from extract.workers.process import die_with_parent, limit_memory

MAX_GROWTH_BYTES = 2 << 30  # for decoding one frame


def poster_command() -> list[str]:
    """Return the command line of the process; see `main`."""
    return [sys.executable, "-m", "extract.workers.poster_process"]  # __name__ is "__main__" there


def main() -> None:
    """Write posters until standard input ends.

    Each line of input is a JSON list of video, folder and item id. The answer is a line with a JSON
    string: empty, or the reason why there is no poster.
    """
    die_with_parent()
    limit_memory(MAX_GROWTH_BYTES)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of libraries must not be taken for an answer
    for line in sys.stdin.buffer:
        video, folder, item_id = json.loads(line)
        answers.write(json.dumps(_write(Path(video), Path(folder), item_id)) + "\n")
        answers.flush()


def _write(video: Path, folder: Path, item_id: str) -> str:
    """Write the poster of a video; return the reason if that fails, else an empty string."""
    try:
        with read_media(video, sampling=Sampling(num_frames=1)) as blocks:
            block = next((block for block in blocks if isinstance(block, Frames)), None)
        if block is None:
            return "it has no video frames"
        write_poster(folder, item_id, block.data[0])
    except (MediaError, OSError, MemoryError, ImportError) as error:
        return (str(error) or type(error).__name__).strip().splitlines()[-1]
    return ""


if __name__ == "__main__":
    main()
