"""Features and interactions to recommendations."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmgcn.serving.recommender import Recommender as Recommender


def __getattr__(name: str) -> Any:
    """Import what is asked for and no sooner: importing this package stays light."""
    if name == "Recommender":
        from mmgcn.serving.recommender import Recommender

        return Recommender
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
