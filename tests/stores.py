"""Small feature stores for tests."""

import numpy as np

from extract.store import FeatureSet, FeatureStore, Record

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


def manifest(**more):
    return {"encoder": "colour", "dim": 2, "pooling": "mean", "dtype": "float16"} | more


def new_set(folder, *, layout=None, **more):
    return FeatureStore(folder).create("visual", manifest(**more), layout=layout)


def add_speech(store, words):
    """Add transcripts, by item id, as one segment each."""
    transcripts = store.captions.create("speech", {"encoder": "hf:whisper", "dim": 4})
    for item, text in words.items():
        transcripts.write(Record(item, segments=((0.0, 1.5, text),)), np.ones((1, 4)))
    return transcripts


def reopened(features):
    """The set, opened again as by another process."""
    return FeatureSet(features.path)
