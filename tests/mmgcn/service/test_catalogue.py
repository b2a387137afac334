"""Search of the catalogue: any script, ranked, filtered, in pages."""

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.display.cards import Cards
from mmgcn.run import Run
from mmgcn.service.catalogue import Catalogue, ItemQuery, fold
from tests.runs import write_vectors

ITEMS = {  # id: (caption, creator)
    "sea-1": ("Evening by the sea", "Zoë"),
    "clip-2": ("Ocean research vessel", "ann"),
    "clip-3": ("Cafe in Paris", "ann"),
    "clip-4": ("CAFÉ au lait, très bon", None),
    "clip-5": ("東京の夜景を歩く", "山田"),
    "clip-6": ("東京タワー", None),
    "clip-7": ("Чёрное море", None),
    "clip-8": ("قهوة الصباح", None),
    "clip-9": (None, None),
    "100%_sure": ('"quoted" OR NOT near( *', None),
}
POPULARITY = [9, 1, 0, 0, 5, 60, 20, 0, 4, 1]


def catalogue_of(folder, items=ITEMS, popularity=None):
    popularity = POPULARITY if popularity is None else popularity
    num = len(items)
    visual, textual = np.ones((num, 2)), np.ones((num, 2))
    visual[0], textual[8 % num] = 0, 0
    item_parts = {"id": np.ones((num, 2)), "visual": visual, "textual": textual}
    write_vectors(
        folder, np.ones((1, 2)), item_parts, items=list(items), popularity=np.array(popularity)
    )
    cards = Cards(
        captions={item: caption for item, (caption, _) in items.items() if caption},
        creators={item: creator for item, (_, creator) in items.items() if creator},
        playable=(),
    )
    return Catalogue(Run.load(folder), cards)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return catalogue_of(tmp_path_factory.mktemp("run"))


def find(catalogue, text="", **filters):
    rows, total = catalogue.find(ItemQuery(text, **filters), limit=100)
    assert total == len(rows)
    ids = list(ITEMS)
    return [ids[row] for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sea", ["sea-1", "clip-2"]),  # the word before a part of one (research)
        ("SEA", ["sea-1", "clip-2"]),
        ("cafe", ["clip-3", "clip-4"]),
        ("café", ["clip-3", "clip-4"]),
        ("cafe paris", ["clip-3"]),
        ("paris cafe", ["clip-3"]),
        ("zoe", ["sea-1"]),
        ("ann", ["clip-3", "clip-2"]),  # whose text is longer
        ("夜景", ["clip-5"]),
        ("東京", ["clip-6", "clip-5"]),  # equally good: the more popular one first
        ("東京タワー", ["clip-6"]),
        ("山", ["clip-5"]),
        ("черное", ["clip-7"]),
        ("МОРЕ", ["clip-7"]),
        ("قهوة", ["clip-8"]),
        ("clip-9", ["clip-9"]),
        ("100%", ["100%_sure"]),
        ("%_", ["100%_sure"]),
        ('"quoted" OR', ["100%_sure"]),
        ("near( *", ["100%_sure"]),
        ("nothing like it", []),
        ("-", ["clip-6", "clip-7", "sea-1", "clip-5", "clip-9"]),
    ],
)
def test_words_are_found_in_ids_captions_and_creators(catalogue, text, expected):
    assert find(catalogue, text)[: len(expected) or 1] == expected


def test_an_equal_id_is_before_ids_that_contain_it(tmp_path):
    items = {"b": ("about a", None), "ab": (None, None), "a": (None, None), "za": (None, None)}
    catalogue = catalogue_of(tmp_path, items, [9, 0, 0, 1])
    rows, _ = catalogue.find(ItemQuery("a"))
    assert [list(items)[row] for row in rows] == ["a", "ab", "b", "za"]


def test_filters_are_combined(catalogue):
    assert find(catalogue, group="head") == ["clip-6", "clip-7"]  # 80 of 100 interactions
    assert find(catalogue, group="cold") == ["clip-3", "clip-4", "clip-8"]
    assert find(catalogue, "cafe", group="cold", creator="ann") == ["clip-3"]
    assert find(catalogue, creator="Ann") == []
    everything = list(ITEMS)
    assert find(catalogue, modalities=("visual",)) == everything[1:]
    assert set(everything) - set(find(catalogue, modalities=("visual", "textual"))) == {
        *("sea-1", "clip-9"),
    }


def test_without_words_the_order_is_that_of_the_run_or_of_popularity(catalogue):
    assert find(catalogue) == list(ITEMS)
    assert find(catalogue, "  ") == list(ITEMS)
    by_popularity = find(catalogue, sort="popularity")
    assert by_popularity[:3] == ["clip-6", "clip-7", "sea-1"]


def test_pages_follow_one_another(catalogue):
    whole, total = catalogue.find(ItemQuery("c"), limit=100)
    pages = [catalogue.find(ItemQuery("c"), offset=offset, limit=3) for offset in range(0, 12, 3)]
    assert [row for rows, _ in pages for row in rows] == whole
    assert {count for _, count in pages} == {total}


def test_a_modality_that_the_run_lacks_is_an_error(catalogue):
    with pytest.raises(ValueError, match="no modality 'id'; it has: visual, textual"):
        catalogue.find(ItemQuery(modalities=("id",)))


def test_the_modalities_of_an_item_are_those_with_a_vector(catalogue):
    present = catalogue.by_item()
    assert present["sea-1"] == ("textual",)
    assert present["clip-9"] == ("visual",)
    assert present["clip-2"] == ("visual", "textual")


TEXTS = st.text(alphabet=string.ascii_letters[:4] + "éÉ东京 -%_\"'*ß", max_size=8)


@settings(max_examples=50, deadline=None)
@given(captions=st.lists(TEXTS, min_size=1, max_size=6), query=TEXTS)
def test_search_is_that_of_a_loop_over_all_captions(tmp_path_factory, captions, query):
    items = {f"{number}": (caption, None) for number, caption in enumerate(captions)}
    catalogue = catalogue_of(tmp_path_factory.mktemp("run"), items, [1] * len(items))
    rows, total = catalogue.find(ItemQuery(query), limit=100)
    words = fold(query).split()
    texts = [fold(f"{item}\n{caption}") for item, (caption, _) in items.items()]
    expected = [row for row, text in enumerate(texts) if all(word in text for word in words)]
    assert (sorted(rows), total) == (expected, len(expected))
