"""The feature store: rows of each item, a manifest and records; atomic, verified, memory-mapped."""

from extract.store.conversion import convert
from extract.store.export import export
from extract.store.feature_set import Aligned, FeatureSet, NoFeatures
from extract.store.feature_store import FeatureStore
from extract.store.files import StoreError, content_hash, file_name, write_atomically
from extract.store.layout import layout_of
from extract.store.manifest import SCHEMA_VERSION, digest
from extract.store.pooling import pool
from extract.store.published import from_pretrained, save_pretrained
from extract.store.records import Record, Status
from extract.store.usage import Unused, Usage, remove, unused, usage_of
from extract.store.verification import Problem

__all__ = [
    "SCHEMA_VERSION",
    "Aligned",
    "FeatureSet",
    "FeatureStore",
    "NoFeatures",
    "Problem",
    "Record",
    "Status",
    "StoreError",
    "Unused",
    "Usage",
    "content_hash",
    "convert",
    "digest",
    "export",
    "file_name",
    "from_pretrained",
    "layout_of",
    "pool",
    "remove",
    "save_pretrained",
    "unused",
    "usage_of",
    "write_atomically",
]
