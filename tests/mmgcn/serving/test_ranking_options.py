"""Options of a ranked list: what they accept, and that one definition serves all."""

from dataclasses import fields

import pytest

from mmgcn.serving.ranking_options import RankingChanges, RankingOptions


def test_the_keywords_are_the_fields():
    assert set(RankingChanges.__annotations__) == {field.name for field in fields(RankingOptions)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k is 0; it must be at least 1"),
        ({"diversity": -0.1}, r"diversity is -0\.1; it must be from 0 to 1"),
        ({"per_creator": 0}, "per_creator is 0; it must be at least 1"),
        ({"unknown_users": "warm"}, "unknown_users is 'warm'; known: error, popularity"),
        ({"items": "abc"}, r"items is one text, 'abc'; pass \['abc'\]"),
        ({"exclude": "abc"}, r"exclude is one text, 'abc'; pass \['abc'\]"),
    ],
)
def test_a_value_out_of_range_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RankingOptions(**changes)


def test_items_that_are_not_iterable_are_refused():
    with pytest.raises(TypeError, match="items is int; it must be an iterable of item ids"):
        RankingOptions(items=3)


def test_a_generator_of_items_can_be_read_twice():
    options = RankingOptions(items=(item for item in "ab"))
    assert list(options.items) == list(options.changed(k=3).items) == ["a", "b"]
