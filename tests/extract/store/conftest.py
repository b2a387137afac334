import pytest

from tests.stores import new_set


@pytest.fixture
def features(tmp_path):
    return new_set(tmp_path)
