"""Sprite: frames of a clip side by side in one JPEG, which the page plays under the pointer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.workers.poster import scaled, write_jpeg

NUM_FRAMES = 8
LONGER_SIDE_PX = 192
MAX_KEPT = 64  # small frames in memory


class Sprite:
    """Collects frames of a clip, scaled to 192 pixels, and writes eight of them in one row.

    Of many frames, only every second, fourth, ... is kept, so that the memory is bounded.
    """

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []
        self._num_seen, self._step = 0, 1

    def add(self, frames: np.ndarray) -> None:
        """Add frames in time order. Shapes: frames: (T, H, W, 3) uint8, RGB."""
        for frame in frames:
            if self._num_seen % self._step == 0:
                self._kept.append(scaled(frame, LONGER_SIDE_PX))
            self._num_seen += 1
            if len(self._kept) > MAX_KEPT:
                self._kept, self._step = self._kept[::2], 2 * self._step

    def image(self) -> np.ndarray | None:
        """Return eight evenly spaced frames side by side; None if there are no frames.

        A clip with fewer frames repeats some.

        Shapes:
            the result: (H, 8 W, 3) uint8, RGB.
        """
        num_kept = len(self._kept)
        if num_kept == 0:
            return None
        height, width = self._kept[0].shape[:2]
        image = np.zeros((height, NUM_FRAMES * width, 3), np.uint8)
        for column in range(NUM_FRAMES):
            frame = self._kept[(2 * column + 1) * num_kept // (2 * NUM_FRAMES)]
            part = frame[:height, :width]  # streams may change their size
            left = column * width
            image[: part.shape[0], left : left + part.shape[1]] = part
        return image

    def write(self, folder: Path, item_id: str) -> None:
        """Write the image as a JPEG, named like the item's rows; do nothing if there are no frames.

        Raises:
            OSError: the folder cannot be written.
        """
        image = self.image()
        if image is not None:
            write_jpeg(folder, item_id, image)
