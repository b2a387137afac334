"""Programs that some tests need: Postgres, browsers, a proxy."""

import os
from typing import NoReturn

import pytest


def skip_without(reason: str) -> NoReturn:
    """Skip the test, or fail it if MMGCN_REQUIRE_SERVICES=1 requires every program."""
    if os.environ.get("MMGCN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
