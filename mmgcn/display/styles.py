"""Styles that the service's page and reports share."""

from __future__ import annotations

from pathlib import Path

STYLES = Path(__file__).parent / "styles.css"


def shared_styles() -> str:
    """Return the shared CSS."""
    return STYLES.read_text(encoding="utf-8")
