"""What came of reading a file."""

from __future__ import annotations

from dataclasses import dataclass

# Headers round, and codecs pad: a file is cut short if it ends this much earlier than it says.
TOLERANCE_SECONDS, TOLERANCE_SHARE = 0.5, 0.05


@dataclass(frozen=True)
class Coverage:
    """How much of the picture, or of the sound, was there to read."""

    seconds: float
    """How long it really lasts; 0 if nothing came out."""
    expected_seconds: float | None
    """How long the header says it lasts, if that can be believed of its format."""
    problem: str | None = None
    """Why less came out than was promised, in words; None if all did."""


@dataclass(frozen=True)
class Summary:
    """What came of reading a file; a part is None if it was not asked for or is not there."""

    video: Coverage | None
    audio: Coverage | None

    @property
    def partial_reason(self) -> str | None:
        """Why less came out than was promised, in words; None if all did."""
        parts = {"video": self.video, "audio": self.audio}
        problems = [
            f"{name}: {part.problem}" for name, part in parts.items() if part and part.problem
        ]
        return "; ".join(problems) or None


def coverage(seconds: float, expected_seconds: float | None, problems: list[str]) -> Coverage:
    """Return how much was there, and say so if the end is missing."""
    if expected_seconds is not None and expected_seconds - seconds > max(
        TOLERANCE_SECONDS, TOLERANCE_SHARE * expected_seconds
    ):
        problems = [*problems, f"ends after {seconds:.1f} of {expected_seconds:.1f} s"]
    return Coverage(seconds, expected_seconds, ", ".join(problems) or None)


def in_places(num: int) -> str:
    """Return "in 1 place", "in 2 places", ..."""
    return f"in {num} place{'' if num == 1 else 's'}"
