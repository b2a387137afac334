"""The pages, their code blocks, and the commands in these."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    code: str


@dataclass(frozen=True)
class Command:
    """A command of a console block.

    Args:
        words: without variables before it, a comment after it, and the prompt.
        output: the lines below it, up to the next prompt, where the block has prompts.
    """

    page: str
    words: tuple[str, ...]
    output: str = ""

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def blocks(language: str, page: str = "") -> list[Block]:
    """The blocks of a language, of one page or of all."""
    return [
        Block(path.name, *match.groups())
        for path in PAGES
        if page in ("", path.name)
        for match in BLOCK.finditer(path.read_text(encoding="utf-8"))
        if match[1] == language
    ]


def block(page: str, language: str, text: str) -> str:
    """The code of the one block of a page that contains a text."""
    (found,) = (each.code for each in blocks(language, page) if text in each.code)
    return found


def commands() -> Iterator[Command]:
    """The commands of all console blocks, in the order of the pages."""
    for each in blocks("console"):
        code = re.sub(r"\$\([^)]*\)", "VALUE", each.code.replace("\\\n", " "))
        has_prompts = code.startswith("$ ")
        parts = (
            re.split(r"^\$ ", code, flags=re.MULTILINE)[1:] if has_prompts else code.splitlines()
        )
        for part in parts:
            words, output = _split(part.splitlines())
            while words:
                stop = words.index("&&") if "&&" in words else len(words)
                words, rest = words[:stop], words[stop + 1 :]
                while re.match(r"[A-Z_]+=", words[0]):
                    words = words[1:]
                yield Command(each.page, tuple(words), output)
                words = rest


def _split(lines: list[str]) -> tuple[list[str], str]:
    """The words of the command that the lines begin with, and the other lines."""
    for stop in range(1, len(lines) + 1):
        try:
            return shlex.split("\n".join(lines[:stop]), comments=True), "\n".join(lines[stop:])
        except ValueError:  # a quotation goes on
            continue
    raise ValueError(f"no closing quotation: {lines}")
