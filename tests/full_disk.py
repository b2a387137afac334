"""A disk without room."""

import resource
from contextlib import contextmanager


@contextmanager
def small_files():
    """Limit files to 100 bytes; a longer write is truncated and then fails.

    Not a fixture: the limit would also apply to output that pytest itself writes to a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
