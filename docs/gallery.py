"""The screenshots of docs/gallery.md, from what `mmgcn demo` wrote.

    mmgcn demo --out demo && python -m docs.gallery demo

Needs Chromium, and the extras serve, posters, map and plots.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent
ASSETS = DOCS.parent / "assets"
VIEWS = {  # name of the file: address on the page
    "user": "#/user/42",
    "feed": "#/feed/42",
    "weights": "#/weights/42?weight=visual:2",
    "map": "#/map?user=42",
    "data": "#/data",
}
ABLATION = ("--model", "mmgcn", "--how", "drop", "--seeds", "3", "--set", "epochs=10")
SIZE = {"width": 1000, "height": 750}
MAX_BYTES = 150_000


def main() -> None:
    """Take every screenshot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="output folder of `mmgcn demo`")
    demo = parser.parse_args().demo
    run, out = demo / "runs" / "latest", DOCS / "gallery"
    out.mkdir(exist_ok=True)
    data = [
        "--interactions",
        str(ASSETS / "interactions.csv"),
        "--features",
        str(demo / "features"),
    ]
    shown = ["--videos", str(ASSETS / "videos"), "--captions", str(ASSETS / "captions.csv")]
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        mmgcn("map", "--run", str(run))
        with serving(run, [*shown, "--posters", str(demo / "posters")]) as address:
            for name, view in VIEWS.items():
                photograph(browser, f"{address}/{view}", folder / f"{name}.png")
        mmgcn("report", "--run", str(run), "--out", str(folder / "report.html"), *shown)
        photograph(browser, (folder / "report.html").as_uri(), folder / "report.png")
        mmgcn("inspect", *data, "--html", str(folder / "card.html"), *shown)
        photograph(browser, (folder / "card.html").as_uri(), folder / "card.png")
        mmgcn("ablate", *data, *ABLATION, "--out", str(folder / "study"))
        shutil.copy(folder / "study" / "ablation.png", folder / "ablation.png")
        shutil.copy(run / "curves.png", folder / "curves.png")
        for source in sorted(folder.glob("*.png")):
            compress(source, out / f"{source.stem}.webp")


def mmgcn(*words: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "mmgcn", "--project", "none", *words], check=True)


@contextmanager
def serving(run: Path, shown: list[str]) -> Iterator[str]:
    """Serve the run within the context; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "--run", str(run), "--feedback", "off", "--port", str(port), *shown]
    service = subprocess.Popen([sys.executable, "-m", "mmgcn", "--project", "none", *words])
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urlopen(f"{address}/readyz", timeout=5).close()  # noqa: S310
                break
            except OSError:
                time.sleep(1)
        yield address
    finally:
        service.terminate()
        service.wait()


def photograph(browser: Browser, address: str, path: Path) -> None:
    """Take a screenshot of an address, in light colours, once everything is loaded."""
    page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(2_000)  # images that are drawn, the map
    page.screenshot(path=path)
    page.close()


def compress(source: Path, path: Path) -> None:
    """Write an image as WebP, at most as wide as a page and below MAX_BYTES."""
    with Image.open(source) as image:
        image.thumbnail((SIZE["width"], SIZE["width"]))
        for quality in (85, 70, 55):
            image.convert("RGB").save(path, quality=quality, method=6)
            if path.stat().st_size <= MAX_BYTES:
                return
    raise ValueError(f"{path} has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are stored")


if __name__ == "__main__":
    main()
