"""Fetching a model: a plan with its sizes first, then file by file, each continued where it broke off and checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from jarvisd.errors import ModelError
from jarvisd.models import store
from jarvisd.models.catalogue import Target
from jarvisd.models.choose import RemoteFile, choose_files
from jarvisd.models.hub import Hub, HubUnreachable, RemoteModel
from jarvisd.models.store import Record

# So much stays free: the daemon's own databases and the log live on the same disk.
DISK_RESERVE_BYTES = 512 << 20
# With no pull behind it, the time is told for a line of 100 Mbit/s.
USUAL_BYTES_PER_S = 12_500_000.0
# After a broken connection: so many attempts without one new byte, after these waits.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, file: RemoteFile, present_bytes: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def again(self, why: str, present_bytes: int) -> None: ...

    def end(self, file: RemoteFile) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pull is going to do. `present_bytes` of `total_bytes` are here already."""

    model: RemoteModel
    folder: Path
    files: tuple[RemoteFile, ...]
    present_bytes: int

    @property
    def total_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def todo_bytes(self) -> int:
        return self.total_bytes - self.present_bytes


def make_plan(
    target: Target, hub: Hub, models: Path, *, wanted: Sequence[str] = (), revision: str | None = None
) -> Plan:
    """Asks the hub what `target` consists of, and looks what is here. Writes nothing. Raises ModelError."""
    model = hub.describe(target.repository, revision)
    named = wanted or ([target.file] if target.file else [])
    try:
        files = store.safe_files(choose_files(model.files, form=target.form, wanted=named))
    except ModelError as error:
        raise ModelError(f"{target.repository}: {error.message}", code=error.code) from error
    folder = store.folder_of(target.repository, models)
    record = _record(folder, model, files)
    whole = [file for file in files if store.is_whole(folder, file, record)]
    present = sum(file.size_bytes if file in whole else store.bytes_present(folder, file) for file in files)
    return Plan(model, folder, files, present)


def check_disk(plans: Sequence[Plan], models: Path) -> None:
    """Raises ModelError with the numbers when the plans do not fit on the disk."""
    place = next(folder for folder in (models, *models.parents) if folder.exists())
    free_bytes = shutil.disk_usage(place).free
    todo_bytes = sum(plan.todo_bytes for plan in plans)
    short_bytes = todo_bytes + DISK_RESERVE_BYTES - free_bytes
    if todo_bytes and short_bytes > 0:
        raise ModelError(
            f"Not started: {size(todo_bytes)} are to be fetched and {size(DISK_RESERVE_BYTES)} should stay free, but "
            f"the disk of {models} has {size(free_bytes)} left. Free {size(short_bytes)} (`jarvisd models list` shows "
            "what is there, `jarvisd models rm` deletes), or set house.state_dir to another disk.",
            code="disk_full",
        )


def fetch(plan: Plan, hub: Hub, progress: Progress, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Fetches what is missing of the plan. Interrupted or failed, what was fetched is kept and later continued."""
    with store.locked(plan.folder), _disk_errors(plan.folder):
        record = _record(plan.folder, plan.model, plan.files)
        store.write_record(plan.folder, record)
        todo = [file for file in plan.files if not store.is_whole(plan.folder, file, record)]
        started, fetched_bytes = time.monotonic(), 0
        for file in todo:
            fetched_bytes += _Download(plan, file, hub, progress, sleep).run()
            if file.path in record.damaged:
                record = replace(record, damaged=tuple(path for path in record.damaged if path != file.path))
                store.write_record(plan.folder, record)
        if fetched_bytes:
            rate = fetched_bytes / max(time.monotonic() - started, 1e-3)
            store.write_record(plan.folder, replace(record, bytes_per_s=round(rate, 1)))
        for left_over in plan.folder.rglob(f"*{store.PART_SUFFIX}"):
            left_over.unlink()


def usual_rate(models: Path) -> tuple[float, bool]:
    """Bytes a second to expect, and whether that was measured: the rate of the latest pull."""
    records = [
        (model.folder / store.RECORD, model.record.bytes_per_s)
        for model in store.installed(models)
        if model.record and model.record.bytes_per_s
    ]
    if not records:
        return USUAL_BYTES_PER_S, False
    return max(records, key=lambda found: found[0].stat().st_mtime)[1], True


def _record(folder: Path, model: RemoteModel, files: tuple[RemoteFile, ...]) -> Record:
    """The record for these files, with what is still true of an earlier one and its other weights of this commit."""
    try:
        before = store.read_record(folder)
    except ModelError:
        before = None
    if before is None:
        return Record(model.repository, model.revision, model.licence, files)
    digests = {file.path: file.digest for file in before.files}
    paths = {file.path for file in files}
    kept = tuple(file for file in before.files if file.path not in paths and store.is_whole(folder, file, before))
    # A file of the same size that another version of the model has put there is not the one that is wanted.
    changed = {file.path for file in files if digests.get(file.path, file.digest) != file.digest}
    damaged = tuple(sorted((changed | set(before.damaged)) & paths))
    same_commit = before.revision == model.revision
    return replace(
        before,
        revision=model.revision,
        licence=model.licence,
        files=(*files, *kept) if same_commit else files,
        damaged=damaged,
    )


class _Download:
    """One file on its way."""

    def __init__(
        self, plan: Plan, file: RemoteFile, hub: Hub, progress: Progress, sleep: Callable[[float], None]
    ) -> None:
        self._plan, self._file, self._hub, self._progress, self._sleep = plan, file, hub, progress, sleep
        self._part = store.part_of(plan.folder, file)
        self._fetched_bytes = 0

    def run(self) -> int:
        """Returns how many bytes came over the line. Raises ModelError; what came stays, unless it is wrong."""
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._progress.begin(self._file, store.bytes_present(self._plan.folder, self._file))
        self._whole_part()
        hasher = store.Hasher(self._file)
        hasher.feed(self._part)
        if not hasher.matches():
            self._part.unlink()
            raise ModelError(
                f"{self._file.path} of {self._plan.model.repository} came damaged: its checksum is not the one that "
                "the hub lists. It was deleted; run the command again.",
                code="damaged",
            )
        self._part.replace(self._plan.folder / self._file.path)
        self._progress.end(self._file)
        return self._fetched_bytes

    def _whole_part(self) -> None:
        """Until every byte is in the part, through broken connections."""
        pauses = iter(PAUSES_S)
        while True:
            before = self._fetched_bytes
            try:
                if self._fetch_rest():
                    return
                raise HubUnreachable("The connection ended before the file did.")
            except HubUnreachable as error:
                if self._fetched_bytes > before:
                    pauses = iter(PAUSES_S)
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise HubUnreachable(
                        f"{error.message} What was fetched is kept: run the command again to go on."
                    ) from error
                self._progress.again(error.message, self._part.stat().st_size if self._part.exists() else 0)
                self._sleep(pause_s)

    def _fetch_rest(self) -> bool:
        """One connection. Returns whether the part is as long as the file then."""
        with self._part.open("ab") as part:
            offset = part.tell()
            if offset > self._file.size_bytes:
                offset = part.truncate(0)
            if offset < self._file.size_bytes:
                with self._hub.opened(self._plan.model, self._file.path, offset) as (begins, chunks):
                    if begins != offset:  # this server cannot continue
                        part.truncate(begins)
                        self._progress.again("The server begins anew", begins)
                    for chunk in chunks:
                        part.write(chunk)
                        self._fetched_bytes += len(chunk)
                        self._progress.advance(len(chunk))
            return part.tell() >= self._file.size_bytes


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """A disk that is full or fails, with what to do."""
    try:
        yield
    except OSError as error:
        free_bytes = shutil.disk_usage(folder).free
        raise ModelError(
            f"{error.filename or folder} cannot be written: {error.strerror} ({size(free_bytes)} free). What was "
            "fetched is kept: make room and run the command again.",
            code="disk_full",
        ) from error


def size(count: float) -> str:
    """A number of bytes for a person, in the units in which disks are sold."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
