"""Ray: the same work on a cluster. Ray itself comes with the extra `scale`."""

from extract.cluster.cluster import (
    Cluster,
    ClusterError,
    Layout,
    check_installed,
    connected,
    layout_of,
)

__all__ = ["Cluster", "ClusterError", "Layout", "check_installed", "connected", "layout_of"]
