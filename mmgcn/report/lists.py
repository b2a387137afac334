"""Ranked lists of users as an HTML document with posters and explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmgcn.report.charts import bars, channel_label
from mmgcn.report.document import document
from mmgcn.report.markup import Markup, element, joined
from mmgcn.report.poster_images import PosterImages
from mmgcn.serving.explanation import Explanation

NUM_WATCHED = 24  # number of the latest items shown of a history
NUM_NEAREST = 2  # number of watched items shown per channel


@dataclass(frozen=True)
class Entry:
    """An item of a list; `reason` is None for an unknown user, who gets popular items."""

    item_id: str
    rank: int
    score: float
    reason: Explanation | None = None


@dataclass(frozen=True)
class UserList:
    """History and recommendations of a user.

    Args:
        name: title, such as "User 42".
        watched: ids of watched items, oldest first.
        entries: recommended items, best first.
    """

    name: str
    watched: Sequence[str]
    entries: Sequence[Entry]


def list_document(
    lists: Sequence[UserList], *, run: str, captions: Mapping[str, str], posters: PosterImages
) -> str:
    """Return the document of lists, with the explanation of each entry."""
    title = lists[0].name if len(lists) == 1 else f"{len(lists)} lists"
    body = joined(_full(user_list, captions, posters) for user_list in lists)
    foot = element("p", f"mmgcn, run {run}", class_="muted keys")
    return document(f"{title} · mmgcn", joined([body, foot]), styles=posters.styles())


def compact(user_list: UserList, captions: Mapping[str, str], posters: PosterImages) -> Markup:
    """Return a list as a row of watched items and a grid of recommended ones."""
    cards = [
        element(
            "li",
            element(
                "div",
                posters.image(entry.item_id),
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
        for entry in user_list.entries
    ]
    return element(
        "section",
        element("h3", user_list.name),
        _watched(user_list, captions, posters),
        element("p", "Recommended", class_="muted"),
        element("ul", cards, class_="wall dense"),
    )


def _full(user_list: UserList, captions: Mapping[str, str], posters: PosterImages) -> Markup:
    count = len(user_list.watched)
    return element(
        "section",
        element(
            "div",
            element("h1", user_list.name),
            element("p", f"{count:,} video{'' if count == 1 else 's'} watched", class_="muted"),
            class_="title",
        ),
        _watched(user_list, captions, posters),
        element("h2", "Recommended"),
        element(
            "ol", [_reasons(e, captions, posters) for e in user_list.entries], class_="reasons"
        ),
    )


def _watched(
    user_list: UserList, captions: Mapping[str, str], posters: PosterImages
) -> Markup | None:
    shown = list(user_list.watched)[-NUM_WATCHED:]
    if not shown:
        return None
    thumbs = [element("li", _thumb(item, captions, posters)) for item in shown]
    return element("ul", thumbs, class_="strip", aria_label="Watched")


def _thumb(
    item_id: str, captions: Mapping[str, str], posters: PosterImages, cosine: float | None = None
) -> Markup:
    caption = captions.get(item_id, item_id)
    return element(
        "span",
        posters.image(item_id),
        element("span", caption, class_="thumb-words"),
        None if cosine is None else element("span", f"{cosine:.0%}", class_="similarity"),
        class_="thumb",
        title=caption,
    )


def _reasons(entry: Entry, captions: Mapping[str, str], posters: PosterImages) -> Markup:
    caption = captions.get(entry.item_id)
    why: list[Markup] = [element("p", "Popular with all users.", class_="muted")]
    if entry.reason is not None:
        reason = entry.reason
        table = bars(reason.parts, reason.score, missing=reason.missing)
        why = [table, _nearest(entry, captions, posters)]
    return element(
        "li",
        element("span", posters.image(entry.item_id), class_="stage"),
        element(
            "div",
            element(
                "h3", element("span", f"{entry.rank}. ", class_="muted"), caption or entry.item_id
            ),
            element("p", element("code", entry.item_id), class_="muted") if caption else None,
            why,
            class_="stack",
        ),
        class_="reason",
    )


def _nearest(entry: Entry, captions: Mapping[str, str], posters: PosterImages) -> Markup:
    assert entry.reason is not None
    groups = [
        element(
            "div",
            element("h4", channel_label(channel), data_channel=channel),
            element(
                "ul",
                [
                    element("li", _thumb(item, captions, posters, cosine))
                    for item, cosine in nearest[:NUM_NEAREST]
                ],
                class_="strip",
            ),
        )
        for channel, nearest in entry.reason.nearest.items()
        if nearest
    ]
    if not groups:
        return Markup()
    return element(
        "details",
        element("summary", "Most similar watched videos"),
        element("div", groups, class_="similar-groups"),
    )
