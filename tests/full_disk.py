"""A full disk."""

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
