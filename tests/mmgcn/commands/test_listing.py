"""Text beside a ranked list."""

from mmgcn.commands.listing import because
from mmgcn.serving.explanation import Explanation


def test_an_explanation_has_a_line_per_channel_and_lists_missing_ones():
    reason = Explanation(
        "42",
        "clip-001",
        0.5,
        {"id": 0.1, "visual": 0.617, "neighbours": -0.217},
        {"visual": [("clip-062", 0.9), ("clip-009", 0.8), ("clip-010", 0.7)], "textual": []},
        ["textual"],
    )
    assert because(reason).splitlines() == [
        "visual     +0.617  like clip-062, clip-009",
        "neighbours -0.217",
        "id         +0.100",
        "textual    no caption",
    ]


def test_an_unknown_user_gets_popular_items():
    assert because(None) == "it is popular"
