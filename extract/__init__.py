"""Features of micro-videos: read items, extract features, open the feature store.

>>> from extract import ExtractConfig, Item, extract_features
>>> items = [Item("clip", None, "a cat plays the piano")]
>>> config = ExtractConfig(modalities=["textual"], preset="offline")
>>> report = extract_features(items, "features", config)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.catalogue import Catalogue, Item, read_catalogue
    from extract.cluster import Cluster
    from extract.config import ExtractConfig
    from extract.encoder import ENCODERS, Encoder
    from extract.modality import MODALITIES, Modality
    from extract.pipeline import Progress, Report, extract_features
    from extract.publishing import push_to_hub
    from extract.store import FeatureStore, from_pretrained, save_pretrained

__all__ = [
    "ENCODERS",
    "MODALITIES",
    "Catalogue",
    "Cluster",
    "Encoder",
    "ExtractConfig",
    "FeatureStore",
    "Item",
    "Modality",
    "Progress",
    "Report",
    "extract_features",
    "from_pretrained",
    "push_to_hub",
    "read_catalogue",
    "save_pretrained",
]

_MODULES = {
    "ENCODERS": "extract.encoder",
    "MODALITIES": "extract.modality",
    "Catalogue": "extract.catalogue",
    "Cluster": "extract.cluster",
    "Encoder": "extract.encoder",
    "ExtractConfig": "extract.config",
    "FeatureStore": "extract.store",
    "Item": "extract.catalogue",
    "Modality": "extract.modality",
    "Progress": "extract.pipeline",
    "Report": "extract.pipeline",
    "extract_features": "extract.pipeline",
    "from_pretrained": "extract.store",
    "push_to_hub": "extract.publishing",
    "read_catalogue": "extract.catalogue",
    "save_pretrained": "extract.store",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package stays light."""
    from extract.lazy import import_name

    return import_name(__name__, _MODULES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
