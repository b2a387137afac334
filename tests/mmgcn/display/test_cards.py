"""Cards: the displayed data of an item."""

from mmgcn.display.cards import Cards


def test_cards_with_more_keep_the_rest():
    cards = Cards(
        captions={"a": "one"},
        creators={"a": "ann"},
        playable=["a"],
        root_path="/mm",
        sprites=["a"],
        colour=lambda item_id: "#102030",
    )
    first = cards.card("a")
    assert first == {
        "item_id": "a",
        "caption": "one",
        "creator": "ann",
        "video": "/mm/v1/videos/a",
        "poster": "/mm/v1/posters/a",
        "colour": "#102030",
        "sprite": "/mm/v1/sprites/a",
    }
    more = cards.with_modalities({"a": ["visual"]}).with_more_captions({"a": "two", "b": "three"})
    assert more.card("a") == first | {"modalities": ["visual"]}
    assert more.card("b")["caption"] == "three"
    assert cards.card("b")["caption"] is None
