"""Settings of the service."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

VARIABLE = "MMGCN_SERVICE"  # environment variable with the settings, for worker processes
MIN_TOKEN = 16  # characters
PATHS = ("run", "videos", "captions", "posters", "sprites")


@dataclass(frozen=True)
class Settings:
    """Settings of the service.

    Raises:
        ValueError: a token that is short or has characters that a header cannot contain, a
            prefix that is not a path, or a proxy or an origin that is not one.
    """

    run: Path = Path("runs/latest")
    """Run folder, or a link to one; a new run behind the link is loaded without a restart."""
    videos: Path | None = None
    """Folder of videos, or a table with item_id and path."""
    captions: Path | None = None
    """Table with item_id, and caption or creator."""
    posters: Path | None = None
    """Folder of posters, one JPEG per video; None uses the user's cache."""
    sprites: Path | None = None
    """Folder of sprites, which the page plays under the pointer; None for no sprites."""
    feedback: str | None = None
    """URL of the feedback database; None turns feedback off."""
    token: str | None = None
    """Bearer token of clients; None requires none."""
    loopback: bool = True
    """Whether the service listens on this machine only. Without a token the Host header must then
    be a loopback name, so that no web page reaches the service by DNS rebinding."""
    root_path: str = ""
    """Path prefix under which a proxy serves the service, such as /mm; the proxy may remove it."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted."""
    allow_origins: tuple[str, ...] = ()
    """Origins of other web pages that may use the service (CORS), such as https://example.org."""
    requests_per_second: float = 100.0
    """Sustained request rate of one client in each worker, twice that in a burst; 0: no limit."""
    max_body_bytes: int = 1 << 20
    """Maximum length of a request body."""
    reload_seconds: float = 1.0
    """Seconds between checks for a new run; 0 for none."""

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", self.token):
            raise ValueError(
                "a token consists of letters, digits and - . _ ~ + / =; generate one with: "
                "openssl rand -hex 16"
            )
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise ValueError(
                f"the token has {len(self.token)} characters and could be guessed; it needs "
                f"{MIN_TOKEN} or more, such as from: openssl rand -hex 16"
            )
        if self.root_path and not re.fullmatch(r"(/[A-Za-z0-9._~@-]+)+", self.root_path):
            raise ValueError(
                f"root_path is '{self.root_path}'; expected a path that begins with / and does not "
                "end with it, such as /mm"
            )
        for proxy in self.proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    "proxies: expected addresses or networks, such as 10.0.0.1 or 10.0.0.0/8; "
                    f"'{proxy}' is neither"
                ) from error
        for origin in self.allow_origins:
            if not re.fullmatch(r"https?://[^/?#\s*@]+", origin):
                raise ValueError(
                    f"allow_origins: '{origin}' is not an origin; expected scheme, host and port, "
                    "such as https://example.org:8443"
                )

    def to_environment(self) -> None:
        """Store the settings in the environment, for worker processes of this one."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        os.environ[VARIABLE] = json.dumps(
            {name: str(value) if name in PATHS else value for name, value in values.items()}
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the parent process stored in the environment."""
        values: dict[str, Any] = json.loads(os.environ[VARIABLE])
        values |= {name: Path(values[name]) for name in PATHS if name in values}
        for name in ("proxies", "allow_origins"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)
