"""The vocabulary: words that a reader of the field would have to learn are not used.

Read are identifiers, docstrings, comments and strings of Python files, and the text of the page and
of the documents.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def words(table: str) -> dict[str, tuple[str, str]]:
    """Return the reason and the replacement of each word of a table."""
    rows = ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())
    return {word: (reason, better) for word, reason, better in rows}


# Word -> (why it is not used, what to write). In identifiers and in text.
EVERYWHERE = words(
    """
alike      | the field speaks of neighbours  | similar, item neighbours, knn_graph
anew       | archaic                         | again, or nothing
catalog    | two spellings of one word       | catalogue
figures    | reads as drawings               | metrics
heir       | a riddle                        | stronger successor
hears      | a graph convolution has no ears | aggregates, receives
honest     | a program is not moral          | correct, valid, trusted
likeness   | archaic                         | similarity, cosine
newcomer   | the field has a term            | fold-in
newcomers  | the field has a term            | fold-in
picture    | the field has two terms         | image (still) or frame (of a video)
pictures   | the field has two terms         | images or frames
plug       | two spellings of one word       | plugin
seldom     | archaic                         | rarely
share_done | the field has a term            | progress
somebody   | the field has a term            | user, another process
stranger   | a riddle                        | unknown user, untrusted file
strangers  | a riddle                        | unknown users, untrusted files
teller     | a riddle                        | ProgressReporter
tells      | programs report, print, return  | reports, prints, returns
told       | programs report, print, return  | reported, printed, returned, or nothing
undecoded  | named by what it is not         | text and item encoding
unheeded   | not in use since 1900           | ignored
wished     | a program has no wishes         | requested
withheld   | the field has a term            | held-out
"""
)
# In identifiers alone: as prose they are English.
IDENTIFIERS = words(
    """
asked    | says nothing of the value | requested, or a noun
held     | says nothing of the value | loaded, stored, saved, or a noun
hood     | slang                     | subgraph, Neighbourhood
look     | the field has a term      | EvalRecord
looks    | the field has a term      | evaluation history
made     | says nothing of the value | a noun: model, embeddings, run
people   | the field has a term      | users
place    | the field has a term      | index, position
places   | the field has a term      | indices, positions
said     | says nothing of the value | preferences
sound    | the field has a term      | audio
sounds   | the field has a term      | audio
standing | the field has a term      | TrainingState
tell     | programs report           | report, print_note
wanted   | says nothing of the value | requested, needed, expected, or a noun
"""
)


def split(identifier: str) -> list[str]:
    """The words of an identifier: EvalRecord and eval_record are eval, record.

    Held-out is the field's.
    """
    identifier = re.sub(r"(?i)held_?out", "", identifier)
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)
    return [part.lower() for part in parts]


def words_of_python(source: str) -> Iterator[tuple[int, str, bool]]:
    """The line, the word and whether it is part of an identifier.

    An attribute counts where its class defines it: `file.tell()` is the library's name.
    """
    before, owner = "", ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.NAME:
            if before != "." or owner == "self":
                yield from ((line, word, True) for word in split(token.string))
        elif tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE", "COMMENT"):
            yield from words_of_text(token.string, line)
            yield from ((line, word, True) for word in words_of_f_string(token.string))
        before, owner = token.string, before


def words_of_f_string(literal: str) -> Iterator[str]:
    """The identifiers in the fields of an f-string, which is one token before Python 3.12."""
    if re.match(r"(?i)(f|rf|fr)['\"]", literal):
        for node in ast.walk(ast.parse(literal, mode="eval")):
            if isinstance(node, ast.Name):
                yield from split(node.id)


def words_of_text(text: str, first_line: int = 1) -> Iterator[tuple[int, str, bool]]:
    for number, line in enumerate(text.splitlines(), first_line):
        for word in re.findall(r"[A-Za-z_]+", line):
            yield number, word.lower(), False
            if "_" in word:
                yield from ((number, part, False) for part in split(word))


def files() -> list[Path]:
    folders = ("extract", "mmgcn", "tests", "benchmarks", "assets", "docs")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    found += [*ROOT.glob("*.py"), *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    suffixes = {".py", ".md", ".js", ".html", ".css", ".toml", ""}
    return sorted(
        path
        for path in found
        if path.is_file() and path.suffix in suffixes and path != Path(__file__)
        if "node_modules" not in path.parts
    )


@cache
def banned_words_in(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    words = words_of_python(text) if path.suffix == ".py" else words_of_text(text)
    return [
        (line, word)
        for line, word, identifier in words
        if word in EVERYWHERE or (identifier and word in IDENTIFIERS)
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_that_a_reader_of_the_field_would_have_to_learn(path):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word} ({reason}); write: {better}"
        for line, word in banned_words_in(path)
        for reason, better in [(EVERYWHERE | IDENTIFIERS)[word]]
    ]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("shareDone = told_twice\n", ["told"]),
        ("class Teller: pass\n", ["teller"]),
        ('x = f"a {y} stranger"\n', ["stranger"]),
        ("x = 1  # an heir\n", ["heir"]),
        ('"""Two figures."""\n', ["figures"]),
        ("place = 'in place of'\n", ["place"]),
        ("file.tell() + self.place\n", ["place"]),
        ('x = f"in place of {made:.2f}"\n', ["made"]),
    ],
)
def test_words_are_found_in_names_strings_and_comments(source, words):
    found = [
        word
        for _, word, identifier in words_of_python(source)
        if word in EVERYWHERE or (identifier and word in IDENTIFIERS)
    ]
    assert found == words
