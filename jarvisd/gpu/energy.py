"""How much energy each card and its engines have used, because people pay for it: over restarts of everything."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jarvisd.gpu.shares import RestPower, Share, shares
from jarvisd.types import EngineEnergy, EngineUse, GpuReading

_LOGGER = logging.getLogger(__name__)

JOULES_PER_KWH = 3.6e6
# Between two power readings further apart than this nobody knows what it used: nothing is counted.
LONGEST_GAP_S = 60.0


@dataclass(slots=True)
class _Account:
    """`counter_joules`: the card's own counter when it was last read; None where it has none.

    `rest_watts`: what the card drew at rest, by who was on it.
    """

    name: str
    joules: float = 0.0
    counter_joules: float | None = None
    engines: dict[str, Share] = field(default_factory=dict)
    rest_watts: dict[str, list[float]] = field(default_factory=dict)


class EnergyLedger:
    """Energy by card and by engine. `note` takes readings in their order; `load` and `save` block."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._accounts: dict[str, _Account] = {}
        self._last: dict[str, GpuReading] = {}
        self._uses: dict[str, dict[str, EngineUse]] = {}
        self._rest: dict[str, RestPower] = {}
        self._saved: bytes = b""
        self._loaded = False

    def kwh(self, uuid: str) -> float:
        account = self._accounts.get(uuid)
        return account.joules / JOULES_PER_KWH if account else 0.0

    def engines(self, uuid: str) -> tuple[EngineEnergy, ...]:
        """All that were ever counted on a card, by name."""
        account = self._accounts.get(uuid)
        if account is None:
            return ()
        names = sorted({*account.engines, *self._uses.get(uuid, ())})
        return tuple(self._engine(account, uuid, name) for name in names)

    def note(self, reading: GpuReading, uses: Iterable[EngineUse] = (), *, others: bool = False) -> None:
        """Count what was used since the reading before.

        `uses`: the engines now, those of other cards, too; `others`: programs that are not ours have a part of it.
        """
        if reading.fault is not None:
            return
        account = self._accounts.setdefault(reading.uuid, _Account(reading.name))
        before, self._last[reading.uuid] = self._last.get(reading.uuid), reading
        if reading.energy_joules is not None:
            joules = _since(account.counter_joules, reading.energy_joules)
            account.counter_joules = reading.energy_joules
        else:
            joules = _between(before, reading)
        account.joules += joules
        here = {use.name: use for use in uses if use.card == reading.uuid}
        uses_before, self._uses[reading.uuid] = self._uses.get(reading.uuid, {}), here
        if before is not None and reading.read_monotonic - before.read_monotonic <= LONGEST_GAP_S:
            for name, share in shares(joules, uses_before, here, others=others).items():
                engine = account.engines.setdefault(name, Share())
                engine.used_joules += share.used_joules
                engine.idle_joules += share.idle_joules
        rest = self._rest.setdefault(reading.uuid, RestPower(account.rest_watts))
        rest.note(reading, here.values(), others=others)

    def _engine(self, account: _Account, uuid: str, name: str) -> EngineEnergy:
        share = account.engines.get(name, Share())
        watts = self._rest[uuid].idle_watts(name) if uuid in self._rest else None
        return EngineEnergy(name, share.used_joules / JOULES_PER_KWH, share.idle_joules / JOULES_PER_KWH, watts)

    def load(self) -> None:
        """What was counted before, the first time. An unreadable file is put aside, and counting begins anew."""
        if self._loaded:
            return
        self._loaded = True
        try:
            self._saved = self._file.read_bytes()
            self._accounts = {uuid: _account(fields) for uuid, fields in json.loads(self._saved)["cards"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            aside = self._file.with_suffix(".unreadable")
            _LOGGER.warning(
                "%s cannot be read (%r): energy is counted from zero again; see %s", self._file, error, aside
            )
            self._accounts = {}
            try:
                self._file.replace(aside)
            except OSError as failed:
                _LOGGER.debug("%s cannot be put aside: %s", self._file, failed)

    def contents(self) -> bytes:
        """What `save` is to write; made on the loop, so that the ledger may go on meanwhile."""
        cards = {uuid: asdict(account) for uuid, account in self._accounts.items()}
        return json.dumps({"cards": cards}, indent=1).encode()

    def save(self, contents: bytes) -> None:
        """Replace the file as a whole. A full disk costs one line in the log, and what is counted stays in memory."""
        if contents == self._saved or not json.loads(contents)["cards"]:
            return
        new = self._file.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(contents)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)
        except OSError as error:
            _LOGGER.warning("%s cannot be written (%s): energy since then is lost at the next start", self._file, error)
            return
        self._saved = contents


def _account(fields: Any) -> _Account:
    """Engines are missing in a file of earlier times."""
    counter = fields["counter_joules"]
    return _Account(
        str(fields["name"]),
        float(fields["joules"]),
        None if counter is None else float(counter),
        {
            name: Share(float(share["used_joules"]), float(share["idle_joules"]))
            for name, share in fields.get("engines", {}).items()
        },
        {tenants: [float(value) for value in watts] for tenants, watts in fields.get("rest_watts", {}).items()},
    )


def _since(before: float | None, now: float) -> float:
    """By the card's counter, which begins at zero when the driver is loaded. The first look only sets the mark."""
    if before is None:
        return 0.0
    return now - before if now >= before else now


def _between(before: GpuReading | None, now: GpuReading) -> float:
    """By power, as if it changed evenly from one reading to the next."""
    if before is None or before.power_watts is None or now.power_watts is None:
        return 0.0
    seconds = now.read_monotonic - before.read_monotonic
    if not 0 < seconds <= LONGEST_GAP_S:
        return 0.0
    return seconds * (before.power_watts + now.power_watts) / 2
