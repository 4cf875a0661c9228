"""Conversations with the skills: what is said, what is kept, and what rings."""

import asyncio
import contextlib
import logging
import time
from datetime import datetime

import pytest

from jarvisd.config import SkillsConfig
from jarvisd.skills import bell as bell_module
from jarvisd.skills.skills import Skills
from jarvisd.types import Turn

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture(autouse=True)
def in_madrid(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Madrid")
    monkeypatch.setattr(bell_module, "LOOK_S", 0.005)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class House:
    def __init__(self, folder, **config):
        self.wall_s = datetime(2026, 11, 25, 15, 25).timestamp()  # a Wednesday
        self.rings = []
        self.spent_asked = []
        self.skills = Skills(
            SkillsConfig(**config), folder / "agenda.sqlite", languages=lambda: ("en", "es"), on_ring=self.hear,
            last_answer={"kitchen": "It is three."}.get, spent=self.spent,
            wall=lambda: self.wall_s, steady=lambda: self.wall_s,
        )  # fmt: skip

    async def hear(self, ring):
        self.rings.append(ring.sentence)

    async def spent(self, period, language):
        return f"2 euros ({period}, {language})"

    async def say(self, text, language="en", room="kitchen"):
        command = await asyncio.to_thread(self.skills.understand, text, language)
        assert command is not None, text
        return await self.skills.perform(command, Turn("cli", language, 60, room=room))

    async def go_on(self, seconds):
        self.wall_s += seconds
        bell, rung = self.skills.bell, len(self.rings)
        due = [one for one in await bell.entries() if one.left_s is None and bell.left_s(one) <= 0]
        async with asyncio.timeout(10):
            while len(self.rings) < rung + len(due):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.skills.run())
            try:
                yield self
            finally:
                task.cancel()


@pytest.fixture
async def house(tmp_path):
    async with House(tmp_path).running() as house:
        yield house


async def test_a_timer_from_set_to_ring(house):
    assert await house.say("set a ten minute timer for the pasta") == "Pasta timer set for 10 minutes."
    await house.go_on(4 * MINUTE)
    assert await house.say("how long is left on the pasta timer") == "6 minutes left on the pasta timer."
    assert await house.say("how much longer for the pasta") == "6 minutes left on the pasta timer."
    assert await house.say("add two minutes to the timer") == "Now 8 minutes left on the pasta timer."
    assert await house.say("take 30 seconds off the timer") == "Now 7 minutes and 30 seconds left on the pasta timer."
    assert await house.say("pause the timer") == "Paused the pasta timer, 7 minutes and 30 seconds left."
    await house.go_on(HOUR)
    assert await house.say("how long is left on the timer") == (
        "The pasta timer is paused with 7 minutes and 30 seconds left."
    )
    assert await house.say("pause the timer") == "The pasta timer is paused already."
    assert await house.say("resume the timer") == "7 minutes and 30 seconds left on the pasta timer, it runs again."
    assert await house.say("resume the timer") == "The pasta timer is running already."
    assert house.rings == []
    await house.go_on(7.5 * MINUTE)
    assert house.rings == ["Your pasta timer is done."]
    assert await house.say("how long is left on the timer") == "There is no timer running."


async def test_timers_in_spanish(house):
    assert await house.say("ponme un temporizador de hora y media", "es") == (
        "Temporizador de 1 hora y 30 minutos en marcha."
    )
    assert await house.say("¿Cuánto queda del temporizador?", "es") == (
        "Queda 1 hora y 30 minutos en el temporizador de 1 hora y 30 minutos."
    )
    assert await house.say("quítale dos horas al temporizador", "es") == (
        "Solo queda 1 hora y 30 minutos en el temporizador de 1 hora y 30 minutos; puedes cancelarlo."
    )
    await house.go_on(1.5 * HOUR)
    assert house.rings == ["El temporizador de 1 hora y 30 minutos ha terminado."]


async def test_of_two_timers_none_is_guessed(house):
    await house.say("set a timer for five minutes")
    await house.say("set a timer called tea for three minutes")
    asks = "Which one? Running: the tea timer (3 minutes) and the timer for 5 minutes (5 minutes)."
    for text in ("cancel the timer", "pause the timer", "add a minute to the timer", "resume the timer"):
        assert await house.say(text) == asks
    assert len(await house.skills.bell.entries()) == 2
    assert (await house.say("cancel the pasta timer")).startswith("There is no such timer.")
    assert (await house.say("cancel the ten minute timer")).startswith("There is no such timer.")
    assert await house.say("cancel the five minute timer") == "Cancelled the timer for 5 minutes."
    assert await house.say("stop the tea timer") == "Cancelled the tea timer."
    assert await house.say("cancel all my timers") == "There is no timer running."


async def test_all_timers_go_at_once(house):
    for minutes in (1, 2, 3):
        await house.say(f"set a timer for {minutes} minutes")
    assert await house.say("cancela todos los temporizadores", "es") == "He cancelado 3 temporizadores."
    assert await house.skills.bell.entries() == []


async def test_limits_are_said(house, monkeypatch):
    assert "seven days" in await house.say("set a timer for nine days")
    monkeypatch.setattr(bell_module, "MOST_ENTRIES", 1)
    await house.say("set a timer for one minute")
    for text in ("set a timer for two minutes", "wake me up at seven", "remind me at six to call"):
        assert "too many" in await house.say(text)
    assert len(await house.skills.bell.entries()) == 1


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("wake me up at seven", "en", "Alarm set: tomorrow at 7 AM."),
        ("set an alarm for seven", "en", "Alarm set: today at 7 PM."),
        ("set an alarm for three", "en", "Alarm set: tomorrow at 3 AM."),
        ("set an alarm for 15:30", "en", "Alarm set: today at 3:30 PM."),
        ("set an alarm tomorrow at eight", "en", "Alarm set: tomorrow at 8 AM."),
        ("set an alarm on Friday at noon", "en", "Alarm set: on Friday at noon."),
        ("wake me up in half an hour", "en", "Alarm set: today at 3:55 PM."),
        ("wake me up every weekday at 6:45", "en", "Alarm set: on weekdays at 6:45 AM."),
        ("wake me up tomorrow", "en", "At what time? Say it together with the alarm."),
        ("set an alarm for today at 9 am", "en", "Alarm set: today at 9 PM."),
        ("set an alarm for february 30 at 9 am", "en", "That time is over already."),
        ("despiértame a las siete y media", "es", "Alarma puesta: mañana a las siete y media de la mañana."),
        ("pon una alarma a las 20:40", "es", "Alarma puesta: hoy a las nueve menos veinte de la noche."),
        ("pon una alarma los sábados y domingos a las nueve", "es",
         "Alarma puesta: los sábados y domingos a las nueve de la mañana."),
        ("pon una alarma el miércoles a la una de la tarde", "es",
         "Alarma puesta: el miércoles, 2 de diciembre de 2026 a la una de la tarde."),
    ],
)  # fmt: skip
async def test_alarms_say_what_they_became(house, text, language, said):
    assert await house.say(text, language) == said


async def test_an_alarm_rings_snoozes_and_is_switched_off_without_losing_its_next_day(house):
    await house.say("set a daily alarm for 4 pm")
    assert await house.say("what alarms do I have") == "Alarms: every day at 4 PM."
    assert await house.say("set an alarm at 4 pm every day") == "There is an alarm every day at 4 PM already."
    assert await house.say("snooze") == "Nothing has rung just now."
    await house.go_on(35 * MINUTE)
    assert house.rings == ["It's 4 PM: your alarm."]
    assert await house.say("snooze") == "Okay, again in 9 minutes."
    await house.go_on(9 * MINUTE)
    assert house.rings[1:] == ["It's 4:09 PM: your alarm."]
    assert await house.say("turn off the alarm") == "Okay, it's off."
    assert await house.say("what alarms do I have") == "Alarms: every day at 4 PM."
    await house.go_on(HOUR)
    assert await house.say("turn off the alarm") == "Cancelled the alarm every day at 4 PM."
    assert await house.say("what alarms do I have") == "There is no alarm set."


async def test_tomorrows_alarm_is_only_that_one(house):
    await house.say("wake me up every weekday at seven")
    assert await house.say("cancel tomorrow's alarm") == (
        "The alarm tomorrow at 7 AM is left out; the next one is on Friday at 7 AM."
    )
    await house.go_on(24 * HOUR)
    assert house.rings == []
    await house.go_on(24 * HOUR)
    assert len(house.rings) == 1


async def test_half_a_command_is_asked_about(house):
    assert await house.say("set a timer") == "For how long? Say it together with the timer."
    assert await house.say("pon un temporizador para los huevos", "es") == (
        "¿De cuánto tiempo? Dímelo junto con el temporizador."
    )
    assert await house.say("set an alarm") == "At what time? Say it together with the alarm."
    assert await house.skills.bell.entries() == []


async def test_of_two_alarms_none_is_guessed(house):
    await house.say("wake me up at seven")
    await house.say("pon una alarma mañana a las nueve", "es")
    assert (await house.say("cancel the alarm")).startswith("Which one?")
    assert (await house.say("cancela la alarma de las ocho", "es")).startswith("No hay ninguna alarma entonces.")
    assert await house.say("do I have any alarms for tomorrow") == "Alarms: tomorrow at 7 AM and tomorrow at 9 AM."
    assert await house.say("do I have any alarms for Friday") == "There is no alarm set."
    assert await house.say("cancela la alarma de las siete", "es") == (
        "He quitado la alarma mañana a las siete de la mañana."
    )
    assert await house.say("delete all alarms") == "Cancelled the alarm tomorrow at 9 AM."


async def test_reminders(house):
    assert await house.say("remind me at six to call my mother") == "I'll remind you today at 6 PM: call my mother."
    assert await house.say("recuérdame mañana a las tres sacar al perro", "es") == (
        "Te lo recordaré mañana a las tres de la tarde: sacar al perro."
    )
    assert (await house.say("remind me to buy milk")).startswith("When?")
    assert (await house.say("remind me every Monday at nine to water the plants")).startswith("I can remind you once")
    assert await house.say("what are my reminders") == (
        "Reminders: call my mother today at 6 PM and sacar al perro tomorrow at 3 PM."
    )
    assert (await house.say("delete the reminder")).startswith("Which one?")
    assert (await house.say("delete the reminder about the cat")).startswith("There is no such reminder.")
    assert await house.say("borra el recordatorio del perro", "es") == "Borrado: sacar al perro."
    await house.go_on(2 * HOUR + 35 * MINUTE)
    assert house.rings == ["Reminder: call my mother."]
    assert await house.say("what are my reminders") == "There are no reminders."


async def test_a_ring_speaks_the_language_it_was_asked_in(house):
    await house.say("recuérdame en diez minutos apagar el horno", "es")
    await house.go_on(10 * MINUTE)
    assert house.rings == ["Recordatorio: apagar el horno."]


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("what time is it", "en", "It's 3:25 PM."),
        ("¿qué hora es?", "en", "Son las tres y veinticinco."),
        ("what day is it tomorrow", "en", "That is Thursday, November 26th, 2026."),
        ("qué día cae navidad", "es", "Navidad es viernes, 25 de diciembre de 2026."),
        ("how many days until Christmas", "en", "30 days until Christmas."),
        ("cuánto falta para mañana", "es", "Falta 1 día para jueves, 26 de noviembre de 2026."),
        ("how many days until february 30", "en", "There is no such day."),
        ("could you repeat that", "en", "It is three."),
        ("how much have we spent this month", "en", "2 euros (month, en)"),
        ("cuánto hemos gastado hoy", "es", "2 euros (today, es)"),
        ("cállate", "es", "Vale."),
    ],
)
async def test_small_talk(house, text, language, said):
    assert await house.say(text, language) == said


async def test_repeat_is_a_matter_of_the_room(house):
    assert await house.say("what did you say", room="bath") == "I haven't said anything here yet."


async def test_stop_can_be_told_from_the_rest(house):
    assert house.skills.understand("never mind", "en").stops
    assert not house.skills.understand("stop the timer", "en").stops


async def test_the_volume_needs_a_program(house):
    assert await house.say("set the volume to 30 percent") == (
        "I can't do that here: skills.volume_set is not set in my configuration."
    )
    assert await house.say("sube el volumen", "es") == "Aquí no puedo: falta skills.volume_up en mi configuración."


async def test_the_volume_is_set_by_a_program(tmp_path):
    said = tmp_path / "said"
    mixer = ("sh", "-c", f'echo "$@" >> {said}', "mixer")
    async with House(
        tmp_path, volume_set=(*mixer, "{percent}%"), volume_up=(*mixer, "{percent}%+"), volume_mute=(*mixer, "mute")
    ).running() as house:
        assert await house.say("set the volume to fifty percent") == "Volume at 50 percent."
        assert await house.say("turn up the volume") == "Louder."
        assert await house.say("sube el volumen un veinte por ciento", "es") == "Más alto."
        assert await house.say("mute the speaker") == "Sound off."
        assert await house.say("set the volume to 150 percent") == "The volume goes from 0 to 100 percent."
    assert said.read_text().split() == ["50%", "10%+", "20%+", "mute"]


async def test_a_volume_program_that_fails_is_not_called_done(tmp_path, caplog):
    programs = {"volume_set": ("sh", "-c", "echo no card >&2; exit 3"), "volume_up": ("/nowhere/mixer",)}
    async with House(tmp_path, **programs).running() as house:
        assert await house.say("set the volume to 20 percent") == ("The volume program did not work. The log says why.")
        assert (await house.say("sube el volumen", "es")).startswith("El programa del volumen no ha funcionado")
    assert "no card" in caplog.text
    assert "/nowhere/mixer" in caplog.text


async def test_what_cannot_be_kept_is_not_called_set(tmp_path, caplog):
    house = House(tmp_path)
    (tmp_path / "agenda.sqlite").write_bytes(b"something else that was written into this file by mistake" * 50)
    with caplog.at_level(logging.ERROR):
        assert "nothing was set or changed" in await house.say("set a timer for ten minutes")
        assert "no he puesto ni cambiado nada" in await house.say("despiértame a las siete", "es")
    assert "agenda.sqlite" in caplog.text


async def test_a_cancelled_turn_leaves_a_whole_timer_or_none(house):
    command = house.skills.understand("set a timer for ten minutes", "en")
    for _ in range(20):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(house.skills.perform(command, Turn("cli", "en", 60)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
    set_up, same = [], 0
    async with asyncio.timeout(30):
        while same < 20:  # what a thread had begun is still written
            before, set_up = set_up, await house.skills.bell.entries()
            same = same + 1 if set_up == before else 0
            await asyncio.sleep(0.02)
    assert len(set_up) <= 20
    await house.go_on(10 * MINUTE)
    assert len(house.rings) == len(set_up)


async def test_only_the_languages_of_the_house_are_understood(tmp_path):
    skills = Skills(SkillsConfig(), tmp_path / "a.sqlite", languages=lambda: ("es",), on_ring=None)
    assert await asyncio.to_thread(skills.understand, "what time is it", "en") is None
    assert (await asyncio.to_thread(skills.understand, "qué hora es", "en")).language == "es"
