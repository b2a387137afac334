"""Extraction with the settings as keywords."""

from extract import ExtractConfig, extract_features

RUN = ("root", "shard", "dry_run", "estimate", "progress")


def extract_items(items, store, **more):
    """Call `extract_features`; keywords that are not its arguments are fields of the config."""
    call = {name: more.pop(name) for name in RUN if name in more}
    return extract_features(items, store, ExtractConfig(**more), **call)
