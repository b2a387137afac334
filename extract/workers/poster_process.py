"""A process that writes one poster, so that a broken video cannot crash a service."""

from __future__ import annotations

import sys
from pathlib import Path

from extract.media import Frames, MediaError, Sampling, read_media
from extract.workers.poster import write_poster
from extract.workers.process import die_with_parent, limit_memory

MAX_GROWTH_BYTES = 2 << 30  # what decoding one frame may take


def poster_command(video: Path, folder: Path, item_id: str) -> list[str]:
    """Return the command line that writes the poster of one video; see `main`."""
    module = "extract.workers.poster_process"  # this one; __name__ is "__main__" when it runs
    return [sys.executable, "-m", module, str(video), str(folder), item_id]


def main() -> None:
    """Write the poster of a video: the arguments are the video, the folder and the item's id.

    Exits with one line and code 1 where there is no frame.
    """
    video, folder, item_id = sys.argv[1:]
    die_with_parent()
    limit_memory(MAX_GROWTH_BYTES)
    try:
        with read_media(Path(video), sampling=Sampling(num_frames=1)) as blocks:
            block = next((block for block in blocks if isinstance(block, Frames)), None)
        if block is None:
            raise MediaError("it has no video frames")
        write_poster(Path(folder), item_id, block.data[0])
    except (MediaError, OSError, MemoryError, ImportError) as error:
        sys.exit(str(error) or type(error).__name__)


if __name__ == "__main__":
    main()
