"""WorkerState: the parent's view of one worker process; a state machine without I/O or clock."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace

from extract.workers.messages import Allowed, Clock, Decoded, Job, Ready, RowsOf, Started

MAX_QUEUED = 8  # clips queued in a worker, so that it does not wait for its parent
MAX_ATTEMPTS = 3  # crashes after a clip was started, until it counts as their cause


@dataclass(frozen=True)
class Failed:
    """A clip that ended its worker."""

    index: int


@dataclass
class WorkerState:
    """Jobs of one worker and their progress, and the clock of the clip that it decodes.

    A job is queued, then started, then finished: decoded, with rows from every encoder. All times
    are seconds of one monotonic clock.

    Args:
        encodes: whether the worker encodes; otherwise a job is finished once it is decoded.
    """

    encodes: bool
    ready: bool = False
    ready_bytes: int = 0
    finishing: bool = False
    killed_for: str | None = None
    in_flight: dict[int, Job] = field(default_factory=dict)
    started: dict[int, set[int]] = field(default_factory=dict)
    """For each clip that was started, the encoders whose rows have arrived."""
    decoded: set[int] = field(default_factory=set)
    decoding: int | None = None
    """The clip that is being decoded: it is the cause if the worker dies."""
    allowed_seconds: float = 0.0
    """Seconds that this clip may take in addition to the timeout, as it is large or long."""
    decode_seconds: float = 0.0
    """Seconds of decoding when its clock was last reported."""
    running_since: float | None = None
    """Time at which its clock was started; None while it is stopped."""

    @property
    def is_busy(self) -> bool:
        """Whether it has jobs."""
        return bool(self.in_flight)

    def accepts(
        self, index: int, *, num_waiting: int, num_workers: int, suspects: set[int]
    ) -> bool:
        """Whether the next job may be queued here.

        Args:
            index: clip of the job.
            num_waiting, num_workers: used to share out the last clips evenly.
            suspects: clips that were started in a worker that crashed. Each of them is assigned
                alone, so that a second crash has one cause.
        """
        if self.in_flight and not suspects.isdisjoint({index, *self.in_flight}):
            return False
        num_queued = len(self.in_flight) - len(self.started)
        return num_queued <= min(num_waiting // num_workers, MAX_QUEUED)

    def assign(self, job: Job) -> None:
        """Queue a job."""
        self.in_flight[job.index] = job

    def apply(self, message: object, now: float) -> int | None:
        """Update the state from a message of the worker.

        Returns:
            The clip that the message finishes, if any.

        Raises:
            ValueError: it is about a clip that the worker does not have.
        """
        index = getattr(message, "index", None)
        if index is not None and index not in self.in_flight:
            raise ValueError("the worker reports a clip that it was not given")
        match message:
            case Ready(error=None):
                self.ready, self.ready_bytes = True, message.resident_bytes
            case Started():
                self.decoding, self.allowed_seconds = message.index, 0.0
                self.decode_seconds, self.running_since = 0.0, now
                self.started[message.index] = set()
            case Allowed():
                self.allowed_seconds = message.seconds
            case Clock():
                self.decode_seconds = message.decode_seconds
                self.running_since = now if message.running else None
            case RowsOf():
                self.started[message.index].add(message.encoder)
                return self._finished(message.index)
            case Decoded():
                self.decoding = self.running_since = None
                self.decoded.add(message.index)
                if message.error is not None or not self.encodes:
                    self.started[message.index].update(self.in_flight[message.index].encoders)
                return self._finished(message.index)
        return None

    def _finished(self, index: int) -> int | None:
        job = self.in_flight[index]
        if index not in self.decoded or not self.started[index] >= set(job.encoders):
            return None
        del self.in_flight[index], self.started[index]
        self.decoded.discard(index)
        return index

    def forgive(self, seconds: float, now: float) -> None:
        """Take seconds off the running clock in which the machine was suspended."""
        if self.running_since is not None:
            self.running_since = min(self.running_since + seconds, now)

    def is_overdue(self, timeout_seconds: float, now: float) -> bool:
        """Whether the current clip has exceeded its time limit."""
        if self.running_since is None:
            return False
        spent = self.decode_seconds + now - self.running_since
        return spent > timeout_seconds + self.allowed_seconds

    def after_death(self, attempts: MutableMapping[int, int]) -> Iterator[Failed | Job]:
        """Yield the outcome of each job, last first: a failed clip, or a job to queue again.

        Rows that have arrived are kept: a job that is queued again has only the other encoders.

        Args:
            attempts: for each clip, the number of crashes after it was started; updated.
        """
        for index, job in reversed(self.in_flight.items()):
            if index not in self.started:
                yield job
                continue
            attempts[index] = attempts.get(index, 0) + 1
            alone = len(self.started) == 1 and attempts[index] > 1
            if index == self.decoding or alone or attempts[index] >= MAX_ATTEMPTS:
                del attempts[index]
                yield Failed(index)
            else:
                left = tuple(e for e in job.encoders if e not in self.started[index])
                yield replace(job, encoders=left)
