"""Lists: what users get, as a document with posters and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmgcn.report.charts import bars
from mmgcn.report.document import document
from mmgcn.report.markup import Markup, element, joined
from mmgcn.report.pictures import Pictures
from mmgcn.serving.explanation import Explanation

NUM_WATCHED = 24  # shown of a long history, the latest
NUM_NEAREST = 2  # watched items shown for each channel


@dataclass(frozen=True)
class Entry:
    """An item of a list; `reason` is None where popularity alone put it there."""

    item_id: str
    rank: int
    score: float
    reason: Explanation | None = None


@dataclass(frozen=True)
class UserList:
    """What somebody watched, and what they get.

    Args:
        name: how they are called, such as "User 42".
        watched: item ids, oldest first.
    """

    name: str
    watched: Sequence[str]
    entries: Sequence[Entry]


def list_document(
    lists: Sequence[UserList], *, run: str, captions: Mapping[str, str], pictures: Pictures
) -> str:
    """Return the document of some lists, each entry with its reasons."""
    title = lists[0].name if len(lists) == 1 else f"{len(lists)} lists"
    body = joined(_full(held, captions, pictures) for held in lists)
    foot = element("p", f"mmgcn, run {run}", class_="muted keys")
    return document(f"{title} · mmgcn", joined([body, foot]), styles=pictures.styles())


def compact(held: UserList, captions: Mapping[str, str], pictures: Pictures) -> Markup:
    """Return a list as a row of what was watched and a wall of what comes next."""
    cards = [
        element(
            "li",
            element(
                "div",
                pictures.picture(entry.item_id),
                element("span", str(entry.rank), class_="rank"),
                element(
                    "span",
                    element(
                        "span",
                        captions.get(entry.item_id, entry.item_id),
                        class_="caption",
                        dir="auto",
                    ),
                    class_="words",
                ),
                class_="stage",
            ),
            class_="card",
        )
        for entry in held.entries
    ]
    return element(
        "section",
        element("h3", held.name),
        _watched(held, captions, pictures),
        element("p", "Next", class_="muted"),
        element("ul", cards, class_="wall dense"),
    )


def _full(held: UserList, captions: Mapping[str, str], pictures: Pictures) -> Markup:
    count = len(held.watched)
    return element(
        "section",
        element(
            "div",
            element("h1", held.name),
            element("p", f"{count:,} video{'' if count == 1 else 's'} watched", class_="muted"),
            class_="title",
        ),
        _watched(held, captions, pictures),
        element("h2", "Next"),
        element("ol", [_reasons(e, captions, pictures) for e in held.entries], class_="reasons"),
    )


def _watched(held: UserList, captions: Mapping[str, str], pictures: Pictures) -> Markup | None:
    shown = list(held.watched)[-NUM_WATCHED:]
    if not shown:
        return None
    thumbs = [element("li", _thumb(item, captions, pictures)) for item in shown]
    return element("ul", thumbs, class_="strip", aria_label="Watched")


def _thumb(
    item_id: str, captions: Mapping[str, str], pictures: Pictures, cosine: float | None = None
) -> Markup:
    told = captions.get(item_id, item_id)
    return element(
        "span",
        pictures.picture(item_id),
        element("span", told, class_="thumb-words"),
        None if cosine is None else element("span", f"{cosine:.0%}", class_="alike-share"),
        class_="thumb",
        title=told,
    )


def _reasons(entry: Entry, captions: Mapping[str, str], pictures: Pictures) -> Markup:
    told = captions.get(entry.item_id)
    why: list[Markup] = [element("p", "Popular with everybody.", class_="muted")]
    if entry.reason is not None:
        why = [bars(entry.reason.parts, entry.reason.score), _nearest(entry, captions, pictures)]
    return element(
        "li",
        element("span", pictures.picture(entry.item_id), class_="stage"),
        element(
            "div",
            element(
                "h3", element("span", f"{entry.rank}. ", class_="muted"), told or entry.item_id
            ),
            element("p", element("code", entry.item_id), class_="muted") if told else None,
            why,
            class_="stack",
        ),
        class_="reason",
    )


def _nearest(entry: Entry, captions: Mapping[str, str], pictures: Pictures) -> Markup:
    assert entry.reason is not None
    groups = [
        element(
            "div",
            element("h4", channel, data_channel=channel),
            element(
                "ul",
                [
                    element("li", _thumb(item, captions, pictures, cosine))
                    for item, cosine in near[:NUM_NEAREST]
                ],
                class_="strip",
            ),
        )
        for channel, near in entry.reason.nearest.items()
        if near
    ]
    if not groups:
        return Markup()
    return element(
        "details",
        element("summary", "Watched before, and most alike"),
        element("div", groups, class_="alikes"),
    )
