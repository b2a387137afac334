"""WorkerState: the outcome of jobs from messages alone, without processes and clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.workers.messages import Allowed, Clock, Decoded, Job, Ready, RowsOf, Started
from extract.workers.state import MAX_ATTEMPTS, MAX_QUEUED, Failed, WorkerState

NO_ROWS = np.zeros((0, 1), np.float32), np.zeros(0)


def job(index, encoders=(0, 1)):
    return Job(index, f"clip{index}", None, encoders)


def with_jobs(*indices, encodes=True):
    state = WorkerState(encodes)
    for index in indices:
        state.assign(job(index))
    return state


def rows(index, encoder):
    return RowsOf(index, encoder, *NO_ROWS)


def test_a_job_is_finished_when_it_is_decoded_and_every_encoder_has_sent_rows():
    state = with_jobs(7)
    messages = [Started(7), rows(7, 0), Decoded(7), rows(7, 1)]
    assert [state.apply(message, 0.0) for message in messages] == [None, None, None, 7]
    assert not state.is_busy


def test_without_encoding_a_job_is_finished_when_it_is_decoded():
    state = with_jobs(7, encodes=False)
    state.apply(Started(7), 0.0)
    assert state.apply(Decoded(7), 0.0) == 7


def test_an_error_finishes_a_job():
    state = with_jobs(7)
    state.apply(Started(7), 0.0)
    assert state.apply(Decoded(7, error="broken"), 0.0) == 7


def test_a_worker_that_is_ready_has_a_size():
    state = with_jobs()
    state.apply(Ready(123), 0.0)
    assert (state.ready, state.ready_bytes) == (True, 123)
    state = with_jobs()
    state.apply(Ready(error="no weights"), 0.0)
    assert not state.ready


@pytest.mark.parametrize("message", [Started(8), Decoded(8), rows(8, 0), Allowed(8, 1.0)])
def test_a_clip_that_it_does_not_have_is_refused(message):
    with pytest.raises(ValueError, match="reports a clip that it was not given"):
        with_jobs(7).apply(message, 0.0)


# --- the clock ---


def test_a_clip_is_overdue_after_the_timeout_and_its_allowance():
    state = with_jobs(7)
    assert not state.is_overdue(10, now=1000)  # nothing is decoded
    state.apply(Started(7), 100.0)
    state.apply(Allowed(7, 5.0), 100.0)
    assert not state.is_overdue(10, now=115)
    assert state.is_overdue(10, now=115.5)


def test_the_clock_is_stopped_while_the_worker_encodes():
    state = with_jobs(7)
    state.apply(Started(7), 100.0)
    state.apply(Clock(4.0, running=False), 104.0)
    assert not state.is_overdue(10, now=1000)
    state.apply(Clock(4.0, running=True), 1000.0)
    assert not state.is_overdue(10, now=1006)  # 4 + 6
    assert state.is_overdue(10, now=1006.5)


def test_the_next_clip_starts_at_zero():
    state = with_jobs(7, 8)
    state.apply(Started(7), 0.0)
    state.apply(Allowed(7, 50.0), 0.0)
    state.apply(Clock(9.0, running=True), 9.0)
    state.apply(Decoded(7), 9.0)
    assert not state.is_overdue(10, now=1000)
    state.apply(Started(8), 1000.0)
    assert (state.decode_seconds, state.allowed_seconds) == (0, 0)


def test_suspended_time_does_not_count():
    state = with_jobs(7)
    state.forgive(3600, now=0)  # nothing runs
    state.apply(Started(7), 0.0)
    state.forgive(3600, now=3605)
    assert not state.is_overdue(10, now=3605)
    state.forgive(10_000, now=3605)
    assert state.running_since == 3605  # never later than now


# --- queueing ---


def accepts(state, index=9, *, num_waiting=1000, num_workers=2, suspects=frozenset()):
    return state.accepts(
        index, num_waiting=num_waiting, num_workers=num_workers, suspects=set(suspects)
    )


def test_jobs_are_queued_up_to_a_number_that_started_ones_do_not_count_in():
    state = with_jobs(*range(MAX_QUEUED))
    assert accepts(state)
    state.assign(job(MAX_QUEUED))
    assert not accepts(state)
    state.apply(Started(0), 0.0)
    assert accepts(state)


def test_the_last_jobs_are_shared_out_evenly():
    assert accepts(with_jobs(0), num_waiting=2, num_workers=2)
    assert not accepts(with_jobs(0, 1), num_waiting=2, num_workers=2)


def test_a_clip_suspected_of_a_crash_is_assigned_alone():
    assert accepts(with_jobs(), index=9, suspects={9})
    assert not accepts(with_jobs(1), index=9, suspects={9})
    assert not accepts(with_jobs(9), index=1, suspects={9})


# --- death ---


def test_the_clip_that_is_decoded_is_the_cause():
    state, attempts = with_jobs(1, 2, 3), {}
    for index in (1, 2):
        state.apply(Started(index), 0.0)
        if index == 1:
            state.apply(Decoded(1), 0.0)
    state.apply(rows(1, 0), 0.0)
    outcomes = list(state.after_death(attempts))
    assert outcomes == [job(3), Failed(2), job(1, (1,))]  # the rows of encoder 0 are kept
    assert attempts == {1: 1}


def test_a_clip_that_was_alone_twice_is_the_cause():
    attempts = {}
    for expected in (job(1), Failed(1)):
        state = with_jobs(1)
        state.apply(Started(1), 0.0)
        state.apply(Decoded(1), 0.0)  # it is encoded now
        assert list(state.after_death(attempts)) == [expected]
    assert attempts == {}


@given(st.integers(2, 5))
def test_a_clip_is_given_up_after_some_crashes(num_clips):
    attempts = {}
    for _ in range(MAX_ATTEMPTS):
        state = with_jobs(*range(num_clips))
        for index in range(num_clips):
            state.apply(Started(index), 0.0)
            state.apply(Decoded(index), 0.0)
        outcomes = list(state.after_death(attempts))
    assert outcomes == [Failed(index) for index in reversed(range(num_clips))]
