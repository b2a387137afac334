"""Extraction on a Ray cluster. Ray itself is installed by the extra `scale`."""

from extract.cluster.cluster import (
    Cluster,
    ClusterError,
    Layout,
    check_installed,
    connected,
    layout_of,
)

__all__ = ["Cluster", "ClusterError", "Layout", "check_installed", "connected", "layout_of"]
