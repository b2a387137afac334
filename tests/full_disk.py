"""A full disk."""

import resource
import sys
from contextlib import contextmanager

import pytest


@contextmanager
def small_files():
    """Limit files to 100 bytes; a longer write is truncated and then fails.

    Not a fixture: the limit would also apply to output that pytest itself writes to a file.
    Python would store truncated bytecode of a module that is imported meanwhile.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class HalfWrittenFile:
    """An open file that writes half of the data and then raises."""

    def __init__(self, file, error):
        self._file, self._error = file, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        raise self._error
