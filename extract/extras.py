"""Optional dependencies, and how to install them."""

from __future__ import annotations


def install_command(extra: str) -> str:
    """Return the command that installs an extra; the project is on no package index.

    >>> install_command("scale")
    "pip install '.[scale]' in a clone of mmgcn"
    """
    return f"pip install '.[{extra}]' in a clone of mmgcn"
