"""Timers, alarms and reminders across kill -9 at random moments: none lost, none told twice."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jarvisd.skills.agenda import Agenda
from tests.skills.ringer import open_heard

ROOT = Path(__file__).parents[2]
KINDS = ("timer", "alarm", "reminder")


class Process:
    """One life of the bell. What it has said is read on a thread, so that its last words are not lost."""

    def __init__(self, folder):
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.skills.ringer", folder / "agenda.sqlite", folder / "heard.sqlite"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"
        self.reading = threading.Thread(target=self.read)
        self.reading.start()

    def read(self):
        self.said.extend(line.split() for line in self.process.stdout if line.endswith("\n"))

    def ask(self, **wish):
        self.process.stdin.write(json.dumps(wish) + "\n")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reading.join()
        self.process.stdin.close()
        self.process.stdout.close()


def live_and_die(folder, generator, number, ids, asked):
    """A process that is killed somewhere between its first and its last wish."""
    process = Process(folder)
    dies_at = time.monotonic() + generator.uniform(0.0, 0.15)
    for wish in range(generator.randint(1, 12)):
        if time.monotonic() >= dies_at:
            break
        if ids and generator.random() < 0.25:
            asked.append(generator.choice(ids[-4:]))
            process.ask(do="cancel", id=asked[-1])
        else:
            ids.append(f"{number}.{wish}")
            process.ask(do="set", id=ids[-1], in_s=generator.choice([0.0, 0.02, 0.05, 0.1, 0.4, 1.0]),
                        kind=generator.choice(KINDS))  # fmt: skip
        time.sleep(generator.uniform(0, 0.02))
    time.sleep(max(0.0, dies_at - time.monotonic()))
    process.kill()
    return process.said


def let_everything_ring(folder):
    process = Process(folder)
    agenda = Agenda(folder / "agenda.sqlite")
    until = time.monotonic() + 20
    while time.monotonic() < until and (agenda.entries() or agenda.waiting()):
        time.sleep(0.05)
    assert (agenda.entries(), agenda.waiting()) == ([], [])
    agenda.close()
    process.kill()
    return process.said


def killed(folder, times, seed):
    generator = random.Random(seed)
    ids, said, unknown = [], [], set()
    for number in range(times):
        asked = []
        heard = live_and_die(folder, generator, number, ids, asked)
        answered = [words[1] for words in heard if words[0] == "cancelled"]
        # Killed before it could say whether it was in time: such a one may ring or not, but not twice.
        unknown |= {one for one in asked if answered.count(one) < asked.count(one)}
        said += heard
    said += let_everything_ring(folder)
    heard = open_heard(folder / "heard.sqlite")
    told = [row[0].partition("-")[0] for row in heard.execute("SELECT id FROM told")]
    handed = heard.execute("SELECT id, again FROM handed ORDER BY rowid").fetchall()
    heard.close()
    return said, unknown, told, handed


def check(said, unknown, told, handed, times):
    was_set = {words[1] for words in said if words[0] == "set"}
    cancelled = {words[1] for words in said if words[0] == "cancelled" and words[2] == "1"}
    assert len(was_set) > times, "too little was tried"
    assert cancelled, "nothing was cancelled"
    assert [one for one in was_set - cancelled - unknown if one not in told] == [], "lost"
    assert len(told) == len(set(told)), "told twice"
    assert [one for one in cancelled if one in told] == [], "rang although it was cancelled"
    first, twice = set(), []
    for ring, again in handed:
        if ring in first:
            twice.append(ring)
            assert again, "handed over once more, and not marked so"
        first.add(ring)
    # Only a kill between telling and writing that down makes a second hand-over.
    assert len(twice) <= times
    print(
        f"{times} kills: {len(was_set)} set, {len(cancelled)} cancelled, {len(told)} rang, {len(twice)} handed twice, "
        f"{len(unknown)} killed while cancelling"
    )


def test_sixty_kills_lose_nothing_and_ring_nothing_twice(tmp_path):
    check(*killed(tmp_path, 60, seed=4), 60)


@pytest.mark.slow
def test_a_thousand_kills_lose_nothing_and_ring_nothing_twice(tmp_path):
    check(*killed(tmp_path, 1000, seed=1000), 1000)
