"""Raw micro-videos to features: catalogue, media, encoders, store and the pipeline between them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.catalog import read_catalog as read_catalog
    from extract.pipeline import extract_features as extract_features

_LAZY = {"read_catalog": "extract.catalog", "extract_features": "extract.pipeline"}


def __getattr__(name: str) -> Any:
    """Import what is asked for and no sooner: importing this package stays light."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
