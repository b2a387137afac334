"""From items to a feature store: decode once, encode in batches, write, resume, report."""

from extract.pipeline.extraction import extract_features
from extract.pipeline.ledger import StoppedAtFailure
from extract.pipeline.progress import Progress
from extract.pipeline.report import Failure, Report
from extract.workers.pool import WorkerError

__all__ = [
    "Failure",
    "Progress",
    "Report",
    "StoppedAtFailure",
    "WorkerError",
    "extract_features",
]
