"""The models on disk: <state_dir>/models/<organisation>/<name>/, plain folders that every engine can be given.

Beside the files each folder has a record of what belongs into it. A file that is not whole yet has another name,
so what carries its own name is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from jarvisd.config import HouseConfig
from jarvisd.errors import ModelError
from jarvisd.models.catalogue import is_repository
from jarvisd.models.choose import RemoteFile
from jarvisd.paths import state_dir

RECORD = ".jarvisd.json"
LOCK = ".jarvisd.lock"
PART_SUFFIX = ".part"
READ_BYTES = 1 << 20
_DIGEST_PREFIXES = ("sha256:", "git:")


def _nobody(count: int) -> None:
    """Whom one tells how far it is when nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was, or is being, fetched. `revision` is a commit. `damaged` are paths that a check found wrong."""

    repository: str
    revision: str
    licence: str
    files: tuple[RemoteFile, ...]
    damaged: tuple[str, ...] = ()
    bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Installed:
    """A model's folder as it is found. `record` is None, and `fault` says why, where it cannot be read."""

    repository: str
    folder: Path
    record: Record | None = None
    fault: str = ""
    missing: tuple[RemoteFile, ...] = field(default=())

    @property
    def complete(self) -> bool:
        return self.record is not None and not self.missing

    @property
    def size_bytes(self) -> int:
        """What it takes on disk now."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file() and not file.is_symlink())

    @property
    def whole_size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.record.files) if self.record else self.size_bytes


def models_dir(house: HouseConfig) -> Path:
    return state_dir(house) / "models"


def readable_models_dir(house: HouseConfig) -> Path:
    """The folder of the models, which need not be there yet. Raises ModelError when one may not look into it."""
    models = models_dir(house)
    try:
        with os.scandir(models):
            return models
    except FileNotFoundError:
        return models
    except OSError as error:
        raise ModelError(
            f"{models} cannot be read ({error.strerror}): run the command as the user who owns it; for the models of "
            "the service, as root.",
            code="not_allowed",
        ) from error


def folder_of(repository: str, models: Path) -> Path:
    """The folder of a model. Raises ModelError for a name that is none: it could lead out of the store."""
    if not is_repository(repository):
        raise ModelError(f"{repository} is no name of a model: write organisation/name.", code="unknown_model")
    return models / repository


def installed(models: Path) -> tuple[Installed, ...]:
    """Every model in the store, whole or not."""
    found = []
    for folder in sorted(models.glob("*/*/")):
        repository = "/".join(folder.relative_to(models).parts)
        if is_repository(repository):
            found.append(look_at(repository, models))
    return tuple(found)


def look_at(repository: str, models: Path) -> Installed:
    """The model's folder, read without looking into its weights: names and sizes only."""
    folder = folder_of(repository, models)
    try:
        record = read_record(folder)
    except ModelError as error:
        return Installed(repository, folder, fault=error.message)
    if record is None:
        return Installed(repository, folder, fault="not put here by `jarvisd models pull`")
    missing = tuple(file for file in record.files if not is_whole(folder, file, record))
    return Installed(repository, folder, record, missing=missing)


def is_whole(folder: Path, file: RemoteFile, record: Record) -> bool:
    path = folder / file.path
    return file.path not in record.damaged and path.is_file() and path.stat().st_size == file.size_bytes


def part_of(folder: Path, file: RemoteFile) -> Path:
    """Where a file grows. Its digest is in the name: what was begun of another version is not continued."""
    return folder / f"{file.path}.{file.digest.partition(':')[2][:12]}{PART_SUFFIX}"


def bytes_present(folder: Path, file: RemoteFile) -> int:
    """How much of a file that is not whole is already here."""
    try:
        return min(part_of(folder, file).stat().st_size, file.size_bytes)
    except OSError:
        return 0


def read_record(folder: Path) -> Record | None:
    """The record in `folder`, None where there is none. Raises ModelError when it is damaged."""
    path = folder / RECORD
    try:
        data: Any = json.loads(path.read_bytes())
        files = tuple(_checked(RemoteFile(**file)) for file in data.pop("files"))
        return Record(**data | {"files": files, "damaged": tuple(data.get("damaged", ()))})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", code="record") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"the record {path} is damaged; pull the model again", code="record") from error


def write_record(folder: Path, record: Record) -> None:
    """Whole or not at all."""
    path = folder / RECORD
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(record), indent=1) + "\n")
    new.replace(path)


def safe_files(files: Sequence[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The files, checked: each stays inside its folder and has a digest. Raises ModelError that names the one."""
    try:
        return tuple(_checked(file) for file in files)
    except ValueError as error:
        raise ModelError(f"The hub lists a file that is not taken: {error}.", code="hub_answer") from error


def _checked(file: RemoteFile) -> RemoteFile:
    parts = PurePosixPath(file.path).parts
    if not parts or file.path.startswith("/") or ".." in parts or "\0" in file.path or parts[0] in {RECORD, LOCK}:
        raise ValueError(f"{file.path!r} leads out of the model's folder")
    if not file.digest.startswith(_DIGEST_PREFIXES) or file.size_bytes < 0:
        raise ValueError(f"{file.path!r} has no size and checksum")
    return file


class Hasher:
    """The checksum of one file, fed piece by piece."""

    def __init__(self, file: RemoteFile) -> None:
        self._expected = file.digest
        self._kind = file.digest.partition(":")[0]
        if self._kind == "sha256":
            self._hash = hashlib.sha256()
        else:  # git puts the length before the content
            self._hash = hashlib.sha1(f"blob {file.size_bytes}\0".encode(), usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def feed(self, path: Path, advance: Callable[[int], None] = _nobody) -> None:
        """All that `path` has."""
        with path.open("rb") as source:
            while data := source.read(READ_BYTES):
                self._hash.update(data)
                advance(len(data))

    def matches(self) -> bool:
        return f"{self._kind}:{self._hash.hexdigest()}" == self._expected


def verify(model: Installed, advance: Callable[[int], None] = _nobody) -> dict[str, str]:
    """Reads every byte again. Returns what is wrong by file, and notes it, so that a pull fetches these anew."""
    record = model.record
    if record is None:
        raise ModelError(f"{model.repository} cannot be verified: {model.fault}.", code="record")
    with locked(model.folder):
        wrong = {}
        for file in record.files:
            if problem := _problem(model.folder / file.path, file, advance):
                wrong[file.path] = problem
        damaged = tuple(path for path, problem in wrong.items() if problem == "damaged")
        if damaged != record.damaged:
            write_record(model.folder, replace(record, damaged=damaged))
        return wrong


def _problem(path: Path, file: RemoteFile, advance: Callable[[int], None]) -> str:
    try:
        size_bytes = path.stat().st_size
        if size_bytes != file.size_bytes:
            return f"has {size_bytes:,} bytes instead of {file.size_bytes:,}"
        hasher = Hasher(file)
        hasher.feed(path, advance)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if hasher.matches() else "damaged"


def remove(model: Installed) -> None:
    """Delete the model's folder, and its organisation's when that was the last one."""
    try:
        with locked(model.folder):
            shutil.rmtree(model.folder)
        if not any(model.folder.parent.iterdir()):
            model.folder.parent.rmdir()
    except OSError as error:
        raise ModelError(f"{error.filename or model.folder} cannot be removed: {error.strerror}.") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one command at a time works on a model. Raises ModelError when another one does, or it may not write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written to ({error.strerror}): run the command as the user who owns it; "
            "for the models of the service, as root.",
            code="not_allowed",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ModelError(f"Another command is at work on {folder}; wait until it is done.", code="busy") from None
    try:
        yield
    finally:
        os.close(descriptor)
