"""Journal: a file with a line per finished trial of a study, written as trials finish."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmgcn.study.process import TrialError, train_apart
from mmgcn.study.trial import Outcome, Trial


@dataclass(eq=False)
class Journal:
    """Outcomes of trials by key, in a file of JSON lines.

    A trial whose key is present is not run again. The key covers the digest of the data, the model,
    all settings, the seed and the change.

    Args:
        path: file of the journal.
        keeps_users: whether to store the metrics of each user, too: one file per trial, in a folder
            beside the journal.
        outcomes: outcomes by key.
    """

    path: Path
    keeps_users: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, keeps_users: bool = False) -> Journal:
        """Return the journal in a file; an unfinished last line is removed.

        Raises:
            ValueError: a line is not an outcome.
        """
        journal = cls(path, keeps_users)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            return journal
        text = path.read_bytes()
        complete = text[: text.rfind(b"\n") + 1]
        if len(complete) < len(text):
            with path.open("r+b") as file:
                file.truncate(len(complete))
        names = Outcome.__dataclass_fields__
        for number, line in enumerate(complete.decode("utf-8").splitlines(), start=1):
            try:
                values = json.loads(line)
                known = {
                    name: values[name] for name in names if name != "details" or name in values
                }
                journal.outcomes[values["key"]] = Outcome(**known)
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"line {number} of {path} is not an outcome of a study; remove the file to "
                    "start again, or pass another `out`"
                ) from error
        return journal

    def users(self, key: str) -> Path | None:
        """Return the path of the file of users' metrics of a trial; None if they are not stored.

        The file does not exist for a trial that was stored without them.
        """
        return self.path.with_suffix(".users") / f"{key}.npz" if self.keeps_users else None

    def add(self, key: str, trial: Trial, outcome: Outcome) -> None:
        """Append an outcome to the file."""
        line: dict[str, object] = {
            "key": key,
            "name": trial.name,
            "model": trial.model,
            "seed": trial.seed,
            "settings": dict(trial.settings),
            "change": asdict(trial.change),
            **asdict(outcome),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.outcomes[key] = outcome


@dataclass(eq=False)
class Results:
    """Outcomes and failures of the trials of a study.

    Args:
        outcomes: outcomes of the trials that finished, now or earlier.
        failures: error messages of the others.
        users: paths of the files of users' metrics, if stored.
    """

    outcomes: dict[Trial, Outcome] = field(default_factory=dict)
    failures: dict[Trial, str] = field(default_factory=dict)
    users: dict[Trial, Path] = field(default_factory=dict)


def run_trials(
    trials: Sequence[Trial],
    *,
    data_digest: str,
    journal: Journal,
    report: Callable[[str], None],
    run: Callable[[Trial, Path | None], Outcome] | None = None,
) -> Results:
    """Run the trials that are not in the journal one after another, continuing after failures.

    Args:
        data_digest: digest of the data, for the keys.
        journal: journal to read from and append to.
        report: called with a line of text before and after each trial.
        run: function that trains a trial and writes the metrics of each user to a path; by default
            in a separate process.

    Raises:
        UnknownName, SettingError: a model or a setting is unknown; no trial was run.
    """
    keys = [trial.key(data_digest) for trial in trials]
    results = Results()
    for number, (key, trial) in enumerate(zip(keys, trials, strict=True), start=1):
        users = journal.users(key)
        label = f"[{number}/{len(trials)}] {trial.name}, seed {trial.seed}"
        if key in journal.outcomes:
            results.outcomes[trial] = journal.outcomes[key]
            if users is not None and users.is_file():
                results.users[trial] = users
            report(f"{label}: {summary(journal.outcomes[key])} (from {journal.path.name})")
            continue
        report(f"{label} ...")
        try:
            outcome = (run or train_apart)(trial, users)
        except TrialError as error:
            results.failures[trial] = str(error)
            report(f"{label} failed: {error}")
            continue
        journal.add(key, trial, outcome)
        results.outcomes[trial] = outcome
        if users is not None:
            results.users[trial] = users
        report(f"{label}: {summary(outcome)}")
    return results


def summary(outcome: Outcome) -> str:
    """Return the main metric, the duration and the memory on one line."""
    metrics = [
        f"{part} {name} {values[name]:.4f}"
        for part, values in (("valid", outcome.valid), ("test", outcome.test))
        for name in ("recall@20", "recall@10")
        if name in values
    ][:1]
    return ", ".join(
        (
            *metrics,
            f"{outcome.total_seconds:.1f} s",
            f"{outcome.peak_memory_bytes / 2**20:,.0f} MiB",
        )
    )
