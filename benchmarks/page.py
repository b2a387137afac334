"""Open the page on a catalogue of 5,000 items and 20,000 users with hostile ids and captions.

    python -m benchmarks.page [--items 5000] [--users 20000] [--folder DIR]

Ids contain quotes, slashes, percent signs, markup, right-to-left text, combining marks and emoji,
and are up to 200 characters long; captions contain markup, scripts and 2,000 characters without a
space. Vectors are random, half of the items have no acoustic part, and there are no videos.

For some users each view is opened in a headless Chromium, in a window that has nothing cached.
Printed are the first contentful paint, and the time until the view is complete, as medians and
maxima. It fails if a script of a caption runs, an error of a script occurs, or a view scrolls
sideways at 390 px. Times are those of two idle cores for the service and the browser together.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap
from mmgcn.run_writing import write_run

DIM = 64
WATCHED = 25  # items of a user
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
SHAPES = (
    "{n}",
    "quote \"{n}\" '{n}'",
    "slash/{n}/../{n}",
    "100% {n} %2F?&=#{n}",
    "<b>{n}</b>",
    "مرحبا-{n}",
    "e\u0301{n}\u0308",
    "🎉{n}👩‍👩‍👧",
    "very-long-" + "x" * 180 + "{n}",
    "..{n}",
)
CAPTIONS = (
    SCRIPT + " {n}",
    "waves on the beach {n}",
    "w" * 2_000 + "{n}",
    "مرحبا بالعالم {n}",
    "=cmd|' /C calc'!A0 {n}",
    "{{{{constructor.constructor('document.title=1')()}}}} {n}",
)
VIEWS = (
    "",
    "#/user/{u}",
    "#/weights/{u}",
    "#/feed/{u}",
    "#/video/{i}?for={u}",
    "#/new",
    "#/status",
)
FAST_PAINT_SECONDS, FAST_LIST_SECONDS = 1.0, 0.3


def write_catalogue(folder: Path, *, num_items: int, num_users: int) -> tuple[list[str], list[str]]:
    """Write a run and a table of captions; return the ids of users and items."""
    rng = np.random.default_rng(0)
    users = [SHAPES[n % len(SHAPES)].format(n=f"user{n}") for n in range(num_users)]
    items = [SHAPES[n % len(SHAPES)].format(n=f"item{n}") for n in range(num_items)]
    popular = rng.zipf(1.4, num_items).clip(max=1_000) / 1.0
    popular /= popular.sum()
    rows = [np.unique(rng.choice(num_items, WATCHED, p=popular)) for _ in range(num_users)]
    test = rng.integers(0, num_items, num_users)
    seen = np.concatenate([[0], np.cumsum([len(row) for row in rows])]), np.concatenate(rows)
    acoustic = rng.standard_normal((num_items, DIM))
    acoustic[::2] = 0
    each = np.arange(num_users + 1)
    write_run(
        folder / "run",
        config={"model": "random", "valid": {"recall@20": 0.01}, "settings": {}},
        users=IdMap(users, kind="user"),
        items=IdMap(items, kind="item"),
        user=rng.standard_normal((num_users, DIM)),
        item_parts={"visual": rng.standard_normal((num_items, DIM)), "acoustic": acoustic},
        parts={"seen": seen, "valid": (0 * each, test[:0]), "test": (each, test)},
        popularity=np.bincount(seen[1], minlength=num_items),
    )
    captions = [CAPTIONS[n % len(CAPTIONS)].format(n=n) for n in range(num_items)]
    table = pl.DataFrame({"item_id": items, "caption": captions, "creator": items[::-1]})
    table.write_parquet(folder / "captions.parquet")
    return users, items


def open_views(address: str, users: list[str], items: list[str]) -> bool:
    """Open every view for some users, print the times, and return whether nothing went wrong."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no Chromium here: apt-get install chromium")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print(f"{'view':<12} {'first paint':>24} {'complete':>24}   (median, maximum in s)")
        for view in VIEWS:
            paints, completes = [], []
            for user, item in zip(users, items, strict=True):
                context = browser.new_context(viewport={"width": 390, "height": 800})
                page = context.new_page()
                page.on("pageerror", lambda error: wrong.append(str(error)))
                path = view.format(u=quote(user, safe=""), i=quote(item, safe=""))
                began = time.perf_counter()
                page.goto(address + path)
                page.wait_for_selector("main:not([aria-busy]) h1", state="attached")
                completes.append(time.perf_counter() - began)
                paints.append(first_paint(page))
                if page.title() == "owned" or page.locator("img[src=x], main script").count():
                    wrong.append(f"markup of a caption became part of {path}")
                if page.locator("main .problem:not(:empty)").count():
                    wrong.append(f"{path}: {page.locator('main .problem').first.inner_text()}")
                if page.evaluate("document.documentElement.scrollWidth") > 390:
                    wrong.append(f"{path} scrolls sideways")
                context.close()
            print(
                f"{view.split('/')[1] if view else 'home':<12} {shown(paints)} {shown(completes)}"
            )
        browser.close()
    for line in dict.fromkeys(wrong):
        print(f"wrong: {line}", file=sys.stderr)
    return not wrong


def first_paint(page) -> float:
    """Return the seconds from the navigation to the first contentful paint."""
    script = """() => new Promise((done) => new PerformanceObserver((list) => {
      const paint = list.getEntriesByName("first-contentful-paint")[0];
      if (paint) done(paint.startTime / 1000);
    }).observe({ type: "paint", buffered: true }))"""
    return page.evaluate(script)


def shown(seconds: list[float]) -> str:
    """Return the median and the maximum."""
    return f"{statistics.median(seconds):>12.2f} {max(seconds):>11.2f}"


def time_lists(address: str, users: list[str]) -> None:
    """Print how long a list takes that is not cached."""
    seconds = []
    for user in users:
        began = time.perf_counter()
        urlopen(f"{address}v1/recommend/{quote(user, safe='')}?k=24").read()
        seconds.append(time.perf_counter() - began)
    print(f"{'list of 24':<12} {'':>24} {shown(seconds)}")
    print(
        f"aims on two idle cores: first paint under {FAST_PAINT_SECONDS:g} s, "
        f"a list under {FAST_LIST_SECONDS:g} s"
    )


def main() -> None:
    """Write the catalogue, serve it, and open the views."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="Keep the catalogue here.")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        folder = options.folder or Path(temporary)
        users, items = write_catalogue(folder, num_items=options.items, num_users=options.users)
        words = ("serve", "--run", str(folder / "run"), "--port", str(port), "--feedback", "off")
        words += ("--captions", str(folder / "captions.parquet"), "--rate-limit", "0")
        server = subprocess.Popen([sys.executable, "-m", "mmgcn", *words])
        address = f"http://127.0.0.1:{port}/"
        try:
            wait_until_ready(address, server)
            time_lists(address, users[: len(SHAPES)])
            fine = open_views(address, users[: len(SHAPES)], items[: len(SHAPES)])
        finally:
            server.terminate()
            server.wait()
    sys.exit(0 if fine else 1)


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the service answers."""
    while True:
        try:
            urlopen(f"{address}readyz").read()
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the service did not start") from None
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
