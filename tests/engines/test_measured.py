"""What engines hold, found out from readings."""

from jarvisd.engines.measured import Measured, Measuring, Resident
from jarvisd.engines.placement import Rung
from jarvisd.types import GpuProcess, GpuReading

GIB = 1024**3
# Engine A's child is 10 and has a worker 11, B's is 20; 99 is a game's.
SESSIONS = {10: 10, 11: 10, 20: 20, 99: 99}


def reading(used_gib=None, **held_gib):
    processes = tuple(
        GpuProcess(int(pid.lstrip("p")), None if gib is None else int(gib * GIB), ours=pid != "p99")
        for pid, gib in held_gib.items()
    )
    used = None if used_gib is None else int(used_gib * GIB)
    return GpuReading("GPU-1", "RTX", 0.0, memory_used_bytes=used, processes=processes)


def a(rung, *, settled=True, known_gib=0):
    return Resident("a", 10, rung, settled, known_gib * GIB)


def b(rung, *, settled=True):
    return Resident("b", 20, rung, settled)


def test_by_the_processes_of_its_session_awake_and_asleep():
    measuring = Measuring(SESSIONS.get)
    first = reading(8, p10=1, p11=5, p20=0.5, p99=2)
    assert measuring.note(first, [a(Rung.AWAKE), b(Rung.ASLEEP_IN_RAM)]) == (
        Measured("a", Rung.AWAKE, 6 * GIB),
        Measured("b", Rung.ASLEEP_IN_RAM, GIB // 2),
    )


def test_one_that_is_on_its_way_is_not_measured():
    assert Measuring(SESSIONS.get).note(reading(3, p10=3), [a(Rung.AWAKE, settled=False)]) == ()


def test_by_difference_where_the_driver_tells_no_processes_apart():
    measuring = Measuring(SESSIONS.get)
    assert measuring.note(reading(1), [a(Rung.STOPPED), b(Rung.STOPPED)]) == ()
    assert measuring.note(reading(4), [a(Rung.AWAKE, settled=False), b(Rung.STOPPED)]) == ()
    assert measuring.note(reading(7), [a(Rung.AWAKE), b(Rung.STOPPED)]) == (Measured("a", Rung.AWAKE, 6 * GIB),)
    assert measuring.note(reading(8), [a(Rung.AWAKE), b(Rung.STOPPED)]) == ()


def test_a_difference_of_two_engines_at_once_tells_nothing():
    measuring = Measuring(SESSIONS.get)
    measuring.note(reading(1), [a(Rung.STOPPED), b(Rung.STOPPED)])
    assert measuring.note(reading(9), [a(Rung.AWAKE), b(Rung.AWAKE)]) == ()


def test_a_difference_far_beyond_what_was_worked_out_is_another_programs():
    measuring = Measuring(SESSIONS.get)
    measuring.note(reading(1), [a(Rung.STOPPED)])
    assert measuring.note(reading(9), [a(Rung.AWAKE, known_gib=4)]) == ()


def test_what_others_are_known_to_hold_is_no_part_of_a_difference():
    measuring = Measuring(SESSIONS.get)
    measuring.note(reading(1), [a(Rung.STOPPED)])
    # The game's memory is told, the engine's is not.
    assert measuring.note(reading(9, p99=3, p10=None), [a(Rung.AWAKE)]) == (Measured("a", Rung.AWAKE, 5 * GIB),)
