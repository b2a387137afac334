"""Small data sets in the layouts of other tools.

Each function writes one into a folder. 12 users watched 5 of 12 items each, in an order; items have
visual vectors of width 3 and textual ones of width 2. LAYOUTS says what an import has to find.
"""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

VISUAL = np.arange(36, dtype=np.float32).reshape(12, 3) + 1
TEXTUAL = (np.arange(24, dtype=np.float32).reshape(12, 2) + 1) / 7
# (user, item, time): user 0 watched 0, 2, 4, 6, 8 and user 1 watched 1, 3, 5, 7, 9, and so on.
EVENTS = [(user, (user + 2 * n) % 12, 100 * user + n) for user in range(12) for n in range(5)]
TRAIN = [event for event in EVENTS if event[2] % 100 < 3]
VALID = [event for event in EVENTS if event[2] % 100 == 3]
TEST = [event for event in EVENTS if event[2] % 100 == 4]
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}
TRAIN_AND_VALID = TRAIN + VALID


@contextmanager
def other_events(histories):
    """Give every layout other interactions within the context: the items of each user, in order.

    The last item of a user is in the test part, the one before in the validation part.
    """
    events = [
        [(user, item, 100 * user + n) for n, item in enumerate(items)]
        for user, items in enumerate(histories)
    ]
    train = [event for each in events for event in each[:-2]]
    valid, test = [each[-2] for each in events], [each[-1] for each in events]
    lists = [EVENTS, TRAIN, VALID, TEST, TRAIN_AND_VALID]
    before = [list(each) for each in lists]
    new = [[event for each in events for event in each], train, valid, test, train + valid]
    try:
        for each, values in zip(lists, new, strict=True):
            each[:] = values
        yield
    finally:
        for each, values in zip(lists, before, strict=True):
            each[:] = values


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
        path: of the file to name, where the folder is not enough.
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
    path: str = ""

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
    for part, events in (("train", TRAIN_AND_VALID), ("test", TEST)):
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


def elliot(folder):
    for name, part in (("train", TRAIN), ("val", VALID), ("test", TEST)):
        rows = [f"{user}\t{item}\t1.0\t{time}\n" for user, item, time in part]
        (folder / f"{name}.tsv").write_text("".join(rows))
    for name, matrix in (("visual_features", VISUAL), ("text_features", TEXTUAL)):
        (folder / name).mkdir()
        for item, vector in enumerate(matrix):
            np.save(folder / name / f"{item}.npy", vector)


def elliot_dataset(folder):
    rows = [f"{user}\t{item}\t1\n" for user, item, _ in EVENTS]
    (folder / "dataset.tsv").write_text("".join(rows))


def cornac(folder):
    rows = [f"u{user},i{item},5.0,{time}\n" for user, item, time in EVENTS]
    (folder / "ratings.txt").write_text("".join(rows))


def rectools(folder):
    rows = [
        f"{user},{item},1.0,2024-01-{1 + user:02} 00:00:{time % 100:02}\n"
        for user, item, time in EVENTS
    ]
    (folder / "interactions.csv").write_text("user_id,item_id,weight,datetime\n" + "".join(rows))
    flat = [
        f"{item},{name},{value}\n"
        for item, vector in enumerate(VISUAL.tolist())
        for name, value in zip(("red", "green", "blue"), vector, strict=True)
    ]
    (folder / "item_features.csv").write_text("id,feature,value\n" + "".join(flat))


def ducho(folder):
    for name, model, matrix in (
        ("visual_embeddings", "torch/resnet50/avgpool", VISUAL),
        ("textual_embeddings", "sentence_transformers/minilm/1", TEXTUAL),
    ):
        layer = folder / name / model
        layer.mkdir(parents=True)
        for item, vector in enumerate(matrix):
            np.save(layer / f"clip-{item}.npy", vector[None])  # Ducho stores one row


def video_features(folder):
    for feature, model, matrix in (("resnet", "resnet50", VISUAL), ("vggish", "", TEXTUAL)):
        output = folder / feature / model
        output.mkdir(parents=True)
        for item, vector in enumerate(matrix):
            rows = np.stack([vector - 1, vector, vector + 1])  # three frames
            np.save(output / f"clip-{item}_{feature}.npy", rows)
            np.save(output / f"clip-{item}_fps.npy", np.array(25.0))
            np.save(output / f"clip-{item}_timestamps_ms.npy", np.arange(3.0))


CLIP = np.tile(VISUAL, (1, 171))[:, :512]


def clip_video_encode(folder):
    for item, vector in enumerate(CLIP):
        np.save(folder / f"clip{item}.npy", np.stack([vector - 1, vector + 1]))
        (folder / f"clip{item}.txt").write_text(f"A clip called {item}")
        (folder / f"clip{item}.json").write_text('{"duration": 3}')


def clip_video_encode_in_shards(folder):
    with tarfile.open(folder / "00000_clip_embeddings.tar", "w") as archive:
        for item, vector in enumerate(CLIP):
            buffer = io.BytesIO()
            np.save(buffer, np.stack([vector - 1, vector + 1]))
            for suffix, data in (
                ("npy", buffer.getvalue()),
                ("txt", f"A clip called {item}".encode()),
                ("json", b"{}"),
            ):
                member = tarfile.TarInfo(f"clip{item}.{suffix}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def kuairec(folder):
    header = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
    rows = [
        f"{user},{item},5000,4000,2020-07-05 00:08:23,20200705,{1_593_878_903 + time},1.25\n"
        for user, item, time in EVENTS
    ]
    (folder / "big_matrix.csv").write_text(header + "".join(rows))
    (folder / "small_matrix.csv").write_text(header + rows[0])
    captions = [f'{item},UNKNOWN,"Dance, number {item}",[dance]\n' for item in range(12)]
    header = "video_id,manual_cover_text,caption,topic_tag\n"
    (folder / "kuairec_caption_category.csv").write_text(header + "".join(captions))
    (folder / "social_network.csv").write_text("user_id,friend_list\n3371,[2975]\n")


def datasets(folder):
    """As save_to_disk writes a DatasetDict, with the columns that matter."""
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "validation", "test"]}')
    for name, part in (("train", TRAIN), ("validation", VALID), ("test", TEST)):
        user, item, time = (list(column) for column in zip(*part, strict=True))
        table = pl.DataFrame(
            {
                "user_id": [f"u{n}" for n in user],
                "video_id": [f"i{n}" for n in item],
                "timestamp": time,
                "title": [f"Clip {n}" for n in item],
                "clip_embedding": VISUAL[item].tolist(),
            }
        )
        (folder / name).mkdir()
        table.write_ipc_stream(
            folder / name / "data-00000-of-00001.arrow", compat_level=pl.CompatLevel.oldest()
        )
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": name}
        (folder / name / "state.json").write_text(json.dumps(state))
        (folder / name / "dataset_info.json").write_text("{}")


def datasets_of_the_hub(folder):
    (folder / "data").mkdir()
    user, item, time = (list(column) for column in zip(*EVENTS, strict=True))
    table = pl.DataFrame({"user": user, "item": item, "timestamp": time})
    table.write_parquet(folder / "data" / "train-00000-of-00001.parquet")


BOTH = {"visual": VISUAL, "textual": TEXTUAL}
UNSPLIT = {"interactions": EVENTS}
NAMED = {"prefixes": ("u", "i"), "captions": True, "timed": True}
CLIPS = {"prefixes": ("", "clip"), "features": {"visual": CLIP}, "captions": True}
LAYOUTS = {
    "ml-100k": Layout("movielens", movielens, UNSPLIT, first=1, captions=True, timed=True),
    "ml-1m": Layout(
        "movielens", lambda f: movielens(f, "ml-1m"), UNSPLIT, 1, captions=True, timed=True
    ),
    "ml-25m": Layout(
        "movielens", lambda f: movielens(f, "ml-25m"), UNSPLIT, 1, captions=True, timed=True
    ),
    "mmgcn": Layout("mmgcn", mmgcn, PARTS, features=BOTH),
    "mmrec": Layout("mmrec", mmrec, PARTS, features=BOTH, timed=True),
    "microlens": Layout(
        "microlens", microlens, UNSPLIT, 1, features=BOTH, captions=True, timed=True
    ),
    "lightgcn": Layout("lightgcn", lightgcn, {"train": TRAIN_AND_VALID, "test": TEST}),
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
        UNSPLIT,
        features={"visual": VISUAL},
        **NAMED,
    ),
    "elliot": Layout("elliot", elliot, PARTS, features=BOTH, timed=True),
    "elliot, one table": Layout("elliot", elliot_dataset, UNSPLIT),
    "cornac": Layout(
        "cornac", cornac, UNSPLIT, prefixes=("u", "i"), timed=True, path="ratings.txt"
    ),
    "rectools": Layout(
        "rectools", rectools, UNSPLIT, features={"item_features": VISUAL}, timed=True
    ),
    "ducho": Layout("ducho", ducho, {}, prefixes=("", "clip-"), features=BOTH),
    "video_features": Layout(
        "video_features",
        video_features,
        {},
        prefixes=("", "clip-"),
        features={"visual": VISUAL, "acoustic": TEXTUAL},
    ),
    "clip_video_encode": Layout("clip_video_encode", clip_video_encode, {}, **CLIPS),
    "clip_video_encode in shards": Layout(
        "clip_video_encode", clip_video_encode_in_shards, {}, **CLIPS
    ),
    "kuairec": Layout("kuairec", kuairec, UNSPLIT, captions=True, timed=True),
    "datasets": Layout(
        "datasets",
        datasets,
        PARTS,
        features={"clip_embedding": VISUAL},
        **NAMED,
    ),
    "datasets of the hub": Layout("datasets", datasets_of_the_hub, UNSPLIT, timed=True),
}
