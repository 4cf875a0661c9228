from pathlib import Path

import pytest
from jarvisd_plugins.wake_phrase import Plugin
from jarvisd_plugins.wake_phrase.strip import without_spoken, without_typed

from jarvisd import Jarvis
from jarvisd.types import Transcript, Turn
from tests.fakes.plugins import dispatcher_of

JARVIS = ("jarvis",)


@pytest.mark.parametrize(
    "wake",
    """hey jarvis | Hey Jarvis, | Hey, Jarvis! | the jarvis | jarvis | Jarvis: | ok jarvis | okay jarvis, | oye jarvis
    hola jarvis | hey travis | hey jervis | hey charvis | a jarvis | they jarvis | hay jarvis | hey jarvus | the judges
    eh jarvis | hey jar vis | hey, jarvis. hey jarvis | ey yarvis | hey harvis | ¡Hola, Jarvis! | hey hey jarvis
    jervis | hey garvis | hey jarviss | oye, charvis | hey jarv is""".replace("\n", "|").split("|"),
)
def test_a_spoken_wake_phrase_goes(wake):
    assert without_spoken(f"{wake.strip()} what time is it?", JARVIS) == "what time is it?"
    assert without_spoken(f"{wake.strip()} ¿qué hora es?", JARVIS).lstrip("¿") == "qué hora es?"
    assert without_spoken(wake.strip(), JARVIS) == ""


@pytest.mark.parametrize(
    "text",
    """what time is it | turn on the light | the service is down | hey what is the time | hello world | who is jarvis
    ok | hey | the day is long | a jar is broken | the travis county court | travis called | service | jars are full
    play the jarvis song | pon la luz de jarvis | oye pon la luz | hola qué tal | the jazz festival | harvest time
    hey you | a travesty | okay drive us home | juan vino | hey just turn it off | the house is cold | the jam is sweet
    """.replace("\n", "|").split("|"),
)
def test_other_beginnings_stay(text):
    assert without_spoken(text.strip(), JARVIS) == text.strip()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("hey jarvis what time is it", "what time is it"),
        ("Hey Jarvis, what time is it?", "what time is it?"),
        ("  HEY,  JARVIS: hello", "hello"),
        ("hey jarvis", ""),
        ("jarvis what time is it", "jarvis what time is it"),
        ("hey travis what time is it", "hey travis what time is it"),
        ("the jarvis project", "the jarvis project"),
        ("hey jarvisd is a daemon", "hey jarvisd is a daemon"),
        ("I said hey jarvis", "I said hey jarvis"),
    ],
)
def test_typed_text_loses_only_the_exact_phrase(text, left):
    assert without_typed(text, JARVIS) == left


def test_phrases_of_several_words_and_of_other_names():
    phrases = ("computer", "hey house", "ada")
    assert without_spoken("hey computer lights on", phrases) == "lights on"
    assert without_spoken("hey comuter lights on", phrases) == "lights on"
    assert without_spoken("hey house lights on", phrases) == "lights on"
    assert without_spoken("ada lights on", phrases) == "lights on"
    assert without_spoken("add milk to the list", phrases) == "add milk to the list"
    assert without_spoken("hey jarvis lights on", phrases) == "hey jarvis lights on"
    assert without_spoken("hey jarvis lights on", ()) == "hey jarvis lights on"


def test_strange_texts_do_no_harm():
    for text in ("", " ", "…", "hey", "j", "\0\0", "hey " * 20_000, "ſ jarvis", "jarvis" * 10_000):
        without_spoken(text, JARVIS)
        without_typed(text, JARVIS)


def turn(source):
    return Turn(source, None, 60)


async def revise(plugin, text, source):
    dispatcher = dispatcher_of(wake_phrase=plugin)
    return (await dispatcher.fold("revise_transcript", Transcript(text, "en", "ps"), turn=turn(source))).text


async def test_spoken_and_typed_turns_are_told_apart():
    assert await revise(Plugin(), "the jarvis what time is it", "microphone") == "what time is it"
    assert await revise(Plugin(), "the jarvis what time is it", "file") == "what time is it"
    for source in ("cli", "mqtt", "http", "plugin"):
        assert await revise(Plugin(), "the jarvis project", source) == "the jarvis project"
        assert await revise(Plugin(), "hey jarvis what time is it", source) == "what time is it"


async def test_only_the_text_changes_and_an_unchanged_transcript_is_not_replaced():
    plugin = Plugin()
    heard = Transcript("hey jarvis", "es", "whisper", 0.2)
    assert await plugin.revise_transcript(heard, turn("microphone")) == Transcript("", "es", "whisper", 0.2)
    assert await plugin.revise_transcript(Transcript("hello"), turn("microphone")) is None


def jarvis_with(settings):
    return Jarvis("wake_phrase", settings=settings, plugins_dir=Path("/unused"), languages=lambda: ("en",), ask=None)


async def test_its_phrases_are_a_setting():
    plugin = Plugin()
    dispatcher = dispatcher_of(wake_phrase=plugin)
    await dispatcher.startup(lambda _: jarvis_with({"phrases": ["friday"]}))
    heard = Transcript("hey friday what day is it")
    assert (await dispatcher.fold("revise_transcript", heard, turn=turn("file"))).text == "what day is it"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"phrases": "jarvis"}, "phrases must be a list of names"),
        ({"phrases": [1]}, "phrases must be a list of names"),
        ({"phrases": [" "]}, "phrases must be a list of names"),
        ({"phrase": ["jarvis"]}, "has no key 'phrase'; it has: phrases"),
    ],
)
async def test_wrong_settings_disable_it_with_a_reason(settings, complaint):
    dispatcher = dispatcher_of(wake_phrase=Plugin())
    await dispatcher.startup(lambda _: jarvis_with(settings))
    assert dispatcher.plugins()[0].state == "disabled"
    assert complaint in dispatcher.plugins()[0].error
