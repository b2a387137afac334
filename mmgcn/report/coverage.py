"""Coverage section of a report, with the same values as on the service's page."""

from __future__ import annotations

from mmgcn.evaluation.coverage import RunCoverage
from mmgcn.report.charts import channel_label
from mmgcn.report.markup import Markup, element

GROUPS = {
    "head": "popular (80% of the interactions)",
    "tail": "less popular",
    "cold": "cold (no interactions)",
}


def coverage_section(coverage: RunCoverage) -> list[Markup]:
    """Return coverage and bias: facts, and shares of groups of items."""
    skew = coverage.popularity
    facts = {
        "items without interactions": f"{skew.num_cold:,}",
        f"items in a list of {coverage.list_length}": f"{coverage.catalogue_coverage:.1%}",
        "interactions of the top tenth": f"{skew.top['0.1']:.1%}",
        "Gini, interactions": f"{skew.gini:.2f}",
        "Gini, lists": f"{coverage.exposure_gini:.2f}",
        **{
            f"items with {channel_label(name)}": f"{share:.1%}"
            for name, share in coverage.modalities.items()
        },
    }
    rows = [
        element("div", element("dt", name), element("dd", value)) for name, value in facts.items()
    ]
    groups = [
        element(
            "tr",
            element("th", label, scope="row"),
            [
                element("td", f"{share:.1%}")
                for share in (shares.items, shares.interactions, shares.lists)
            ],
        )
        for name, label in GROUPS.items()
        for shares in [coverage.groups[name]]
    ]
    names = ("items", "interactions", "lists")
    head = element("tr", element("td"), [element("th", name, scope="col") for name in names])
    table = element("table", element("thead", head), element("tbody", groups), class_="metrics")
    note = (
        f"Lists of {coverage.list_length} of {coverage.num_users:,} users. "
        "Gini: 0 if all items have the same share."
    )
    return [
        element("h2", "Data and bias"),
        element("dl", rows, class_="facts"),
        element("p", note, class_="muted"),
        element("div", table, class_="scroller"),
    ]
