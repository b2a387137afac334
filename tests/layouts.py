"""Small data sets in the layouts of other tools.

Each function writes one into a folder. 12 users watched 5 of 12 items each, in an order; items have
visual vectors of width 3 and textual ones of width 2. LAYOUTS says what an import has to find.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

VISUAL = np.arange(36, dtype=np.float32).reshape(12, 3) + 1
TEXTUAL = (np.arange(24, dtype=np.float32).reshape(12, 2) + 1) / 7
# (user, item, time): user 0 watched 0, 2, 4, 6, 8 and user 1 watched 1, 3, 5, 7, 9, and so on.
EVENTS = [(user, (user + 2 * n) % 12, 100 * user + n) for user in range(12) for n in range(5)]
TRAIN = [event for event in EVENTS if event[2] % 100 < 3]
VALID = [event for event in EVENTS if event[2] % 100 == 3]
TEST = [event for event in EVENTS if event[2] % 100 == 4]
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}


def lists(events):
    """The items of each user."""
    found = {}
    for user, item, _ in events:
        found.setdefault(user, []).append(item)
    return found


@dataclass(frozen=True)
class Layout:
    """A data set in one layout.

    Args:
        format: name of the format.
        write: writes it into a folder.
        parts: (user, item, time) by part; of `interactions` if it is not split.
        first: the id of user and item 0 as a number.
        prefixes: of the ids of users and items.
        features: matrix by modality, row i of item i.
        captions: whether every item has one.
        timed: whether times are read.
        pickled: whether pickles have to be allowed.
    """

    format: str
    write: Callable[[Path], None]
    parts: Mapping[str, list[tuple[int, int, int]]]
    first: int = 0
    prefixes: tuple[str, str] = ("", "")
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    captions: bool = False
    timed: bool = False
    pickled: bool = False

    def user(self, index):
        return f"{self.prefixes[0]}{index + self.first}"

    def item(self, index):
        return f"{self.prefixes[1]}{index + self.first}"


def movielens(folder, release="ml-100k"):
    rows = [(user + 1, item + 1, 3 + item % 3, 880_000_000 + t) for user, item, t in EVENTS]
    titles = [(item + 1, f"Film {item + 1} (1999)") for item in range(12)]
    if release == "ml-100k":
        lines = ["\t".join(map(str, row)) for row in rows]
        (folder / "u.data").write_text("\n".join(lines) + "\n")
        films = [f"{number}|{title} é|01-Jan-1999||http://x|0|1" for number, title in titles]
        (folder / "u.item").write_bytes("\n".join(films).encode("latin-1"))
        (folder / "u.user").write_text("1|24|M|technician|85711\n")
    elif release == "ml-1m":
        (folder / "ratings.dat").write_text("".join("::".join(map(str, r)) + "\n" for r in rows))
        films = [f"{number}::{title}::Drama|War" for number, title in titles]
        (folder / "movies.dat").write_bytes("\n".join(films).encode("latin-1"))
    else:
        lines = ["userId,movieId,rating,timestamp", *(",".join(map(str, row)) for row in rows)]
        (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
        films = [f'{number},"{title}, or ""so""",Drama' for number, title in titles]
        (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *films]) + "\n")


def mmgcn(folder):
    pairs = np.array([(user, 12 + item) for user, item, _ in TRAIN])
    np.save(folder / "train.npy", pairs)
    for name, part in (("val_full", VALID), ("test_full", TEST)):
        rows = [[user, *(12 + item for item in items)] for user, items in lists(part).items()]
        np.save(folder / f"{name}.npy", np.array(rows))
    np.save(folder / "FeatureVideo_normal.npy", VISUAL)
    np.save(folder / "FeatureText_stl_normal.npy", TEXTUAL)


def mmrec(folder):
    header = "userID\titemID\trating\ttimestamp\tx_label\n"
    rows = [
        f"{user}\t{item}\t5.0\t{time}\t{label}\n"
        for label, part in enumerate(PARTS.values())
        for user, item, time in part
    ]
    (folder / "baby.inter").write_text(header + "".join(rows))
    np.save(folder / "image_feat.npy", VISUAL)
    np.save(folder / "text_feat.npy", TEXTUAL)


def microlens(folder):
    rows = [f"{user + 1},{item + 1},{1_600_000_000_000 + time}\n" for user, item, time in EVENTS]
    (folder / "MicroLens-50k_pairs.csv").write_text("userID,videoID,timestamp\n" + "".join(rows))
    sequences = [
        f"{user + 1}\t{' '.join(str(item + 1) for item in items)}\n"
        for user, items in lists(EVENTS).items()
    ]
    (folder / "MicroLens-50k_pairs.tsv").write_text("".join(sequences))
    titles = [f"{item + 1},A clip, number {item + 1}\n" for item in range(12)]
    (folder / "MicroLens-50k_title_en.csv").write_text("item,title\n" + "".join(titles))
    features = folder / "extracted_modality_features"
    features.mkdir()
    np.save(features / "MicroLens-50k_video_features_VideoMAE.npy", VISUAL)
    np.save(features / "MicroLens-50k_title_en_text_features_BgeM3.npy", TEXTUAL)


def lightgcn(folder):
    for part, events in (("train", TRAIN + VALID), ("test", TEST)):
        lines = [f"{user} {' '.join(map(str, items))}\n" for user, items in lists(events).items()]
        (folder / f"{part}.txt").write_text("".join(lines))


def lattice(folder):
    from scipy import sparse

    for name, part in (("trnMat", TRAIN), ("valMat", VALID), ("tstMat", TEST)):
        user, item, _ = np.array(part).T
        matrix = sparse.coo_matrix((np.ones(len(part)), (user, item)), shape=(12, 12))
        sparse.save_npz(folder / f"{name}.npz", matrix.tocsr())
    np.save(folder / "image_feat.npy", VISUAL)
    np.save(folder / "text_feat.npy", TEXTUAL)


def lattice_in_json(folder):
    core = folder / "5-core"
    core.mkdir()
    for name, part in (("train", TRAIN), ("val", VALID), ("test", TEST)):
        (core / f"{name}.json").write_text(json.dumps(lists(part)))
    np.save(folder / "image_feat.npy", VISUAL)


def lattice_in_pickles(folder):
    from scipy import sparse

    for name, part in (("trnMat", TRAIN), ("tstMat", TEST)):
        user, item, _ = np.array(part).T
        matrix = sparse.coo_matrix((np.ones(len(part)), (user, item)), shape=(12, 12))
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(matrix))
    np.save(folder / "image_feat.npy", VISUAL)


def recbole(folder):
    rows = [f"u{user}\ti{item}\t4.0\t{900_000_000 + time}\n" for user, item, time in EVENTS]
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (folder / "films.inter").write_text(header + "".join(rows))
    titles = [f'i{item}\tThe "film" {item}\t1999\n' for item in range(12)]
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\n"
    (folder / "films.item").write_text(header + "".join(titles))
    vectors = [f"i{item}\t{' '.join(map(str, row))}\n" for item, row in enumerate(VISUAL.tolist())]
    (folder / "films.visual").write_text("iid:token\tvisual_emb:float_seq\n" + "".join(vectors))


BOTH = {"visual": VISUAL, "textual": TEXTUAL}
WHOLE = {"interactions": EVENTS}
LAYOUTS = {
    "ml-100k": Layout("movielens", movielens, WHOLE, first=1, captions=True, timed=True),
    "ml-1m": Layout(
        "movielens", lambda f: movielens(f, "ml-1m"), WHOLE, 1, captions=True, timed=True
    ),
    "ml-25m": Layout(
        "movielens", lambda f: movielens(f, "ml-25m"), WHOLE, 1, captions=True, timed=True
    ),
    "mmgcn": Layout("mmgcn", mmgcn, PARTS, features=BOTH),
    "mmrec": Layout("mmrec", mmrec, PARTS, features=BOTH, timed=True),
    "microlens": Layout("microlens", microlens, WHOLE, 1, features=BOTH, captions=True, timed=True),
    "lightgcn": Layout("lightgcn", lightgcn, {"train": TRAIN + VALID, "test": TEST}),
    "lattice": Layout("lattice", lattice, PARTS, features=BOTH),
    "lattice in JSON": Layout("lattice", lattice_in_json, PARTS, features={"visual": VISUAL}),
    "lattice in pickles": Layout(
        "lattice",
        lattice_in_pickles,
        {"train": TRAIN, "test": TEST},
        features={"visual": VISUAL},
        pickled=True,
    ),
    "recbole": Layout(
        "recbole",
        recbole,
        WHOLE,
        prefixes=("u", "i"),
        features={"visual": VISUAL},
        captions=True,
        timed=True,
    ),
}
