"""Where the audio of a window ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.encoders._windows import num_audible_samples


@given(st.lists(st.sampled_from([0.0, 0.5]), min_size=1, max_size=9))
def test_samples_are_followed_by_silence_to_the_end_of_the_window(samples):
    (count,) = num_audible_samples(np.array([samples]))
    if any(samples):
        assert samples[count - 1] != 0
        assert not any(samples[count:])
    else:
        assert count == len(samples)
