"""Coverage: the decoded duration of a file, compared with that in its header."""

from __future__ import annotations

from dataclasses import dataclass

# Headers round and codecs pad: a stream is incomplete if it ends this much earlier than stated.
TOLERANCE_SECONDS, TOLERANCE_SHARE = 0.5, 0.05


@dataclass(frozen=True)
class Coverage:
    """The decoded part of the video, or of the audio."""

    seconds: float
    """Decoded duration; 0 if nothing could be decoded."""
    expected_seconds: float | None
    """Duration stated by the header; None if the format does not state it reliably."""
    problem: str | None = None
    """Reason why less was decoded than stated; None if everything was."""


@dataclass(frozen=True)
class Summary:
    """Result of reading a file; a stream is None if it was not requested or does not exist."""

    video: Coverage | None
    audio: Coverage | None

    @property
    def partial_reason(self) -> str | None:
        """Reasons why less was decoded than stated; None if everything was."""
        streams = {"video": self.video, "audio": self.audio}
        problems = [
            f"{name}: {stream.problem}"
            for name, stream in streams.items()
            if stream and stream.problem
        ]
        return "; ".join(problems) or None


def coverage(seconds: float, expected_seconds: float | None, problems: list[str]) -> Coverage:
    """Return a Coverage, with a problem if the end is missing."""
    if expected_seconds is not None and expected_seconds - seconds > max(
        TOLERANCE_SECONDS, TOLERANCE_SHARE * expected_seconds
    ):
        problems = [*problems, f"ends after {seconds:.1f} of {expected_seconds:.1f} s"]
    return Coverage(seconds, expected_seconds, ", ".join(problems) or None)


def count_occurrences(num: int) -> str:
    """Return "in 1 place", "in 2 places", ..."""
    return f"in {num} place{'' if num == 1 else 's'}"
