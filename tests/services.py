"""Programs beside this one that some tests need: Postgres, browsers, a proxy."""

import os
from typing import NoReturn

import pytest


def skip_without(reason: str) -> NoReturn:
    """Skip the test, or fail it where MMGCN_REQUIRE_SERVICES=1 says that every program is here."""
    if os.environ.get("MMGCN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
