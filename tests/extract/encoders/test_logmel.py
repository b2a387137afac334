"""logmel: three statistics of the spectrogram."""

from itertools import pairwise

import numpy as np

from extract.encoders._mel import log_mel
from extract.workers.batcher import Batcher
from tests import networks


def test_it_is_mean_deviation_and_change_of_the_spectrogram():
    encoder = networks.loaded("logmel")
    sample = networks.sample(encoder, 1)
    bands = log_mel(sample.data)[0]
    change = np.mean([np.abs(b - a) for a, b in pairwise(bands)], axis=0)
    expected = [*bands.mean(axis=0), *bands.std(axis=0), *change]
    np.testing.assert_allclose(encoder.encode(encoder.prepare(sample))[0], expected, atol=1e-5)


def test_no_clip_waits_for_a_full_batch():
    encoder = networks.loaded("logmel")
    batcher = Batcher(encoder)
    batcher.add(7, encoder.prepare(networks.sample(encoder, 3)), np.arange(3.0))
    batcher.close(7)
    assert [clip for clip, _, _ in batcher.ready()] == [7]
