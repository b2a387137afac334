"""Settings: what the service is told when it starts."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

VARIABLE = "MMGCN_SERVICE"  # where worker processes find the settings
PATHS = ("run", "videos", "captions", "posters")


@dataclass(frozen=True)
class Settings:
    """What the service is told when it starts."""

    run: Path = Path("runs/latest")
    """A run folder, or what leads to one; a new run that it leads to is taken up."""
    videos: Path | None = None
    """A folder of videos, or a table with item_id and path."""
    captions: Path | None = None
    """A table with item_id, and caption or creator."""
    posters: Path | None = None
    """Where one JPEG a video is kept; None is a folder of the user's cache."""
    feedback: str | None = None
    """The URL of the database for feedback; None takes no feedback."""
    token: str | None = None
    """What a client must show; None asks for nothing."""
    loopback: bool = True
    """Whether only this machine is served: then the Host header must say so, unless a token does.
    Without that a web page could reach the service under a name of its own (DNS rebinding)."""
    requests_per_second: float = 100.0
    """What one client may ask in the long run, in each worker; twice that in a burst. 0: any."""
    max_body_bytes: int = 1 << 20
    """A longer request body is refused."""
    reload_seconds: float = 1.0
    """How often is looked for a new run; 0 never."""

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", self.token):
            raise ValueError(
                "a token is made of letters, digits and - . _ ~ + / = alone; make one with: "
                "openssl rand -hex 16"
            )

    def to_environment(self) -> None:
        """Leave the settings where worker processes of this one find them."""
        held = {name: value for name, value in asdict(self).items() if value is not None}
        os.environ[VARIABLE] = json.dumps(
            {name: str(value) if name in PATHS else value for name, value in held.items()}
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the parent process left."""
        held: dict[str, Any] = json.loads(os.environ[VARIABLE])
        held |= {name: Path(held[name]) for name in PATHS if name in held}
        return cls(**held)
