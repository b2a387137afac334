"""Optional dependencies, and how to install them."""

from __future__ import annotations

from importlib.util import find_spec


def install_command(extra: str) -> str:
    """Return the command that installs an extra; the project is on no package index.

    >>> install_command("scale")
    "pip install '.[scale]' in a clone of mmgcn"
    """
    return f"pip install '.[{extra}]' in a clone of mmgcn"


def require(module: str, *, purpose: str, extra: str) -> None:
    """Check that an optional module is installed, without importing it.

    Raises:
        ImportError: it is missing; the message names the purpose and the install command.
    """
    if find_spec(module) is None:
        raise ImportError(
            f"{purpose} needs {module}; install it with: {install_command(extra)}", name=module
        )
