import asyncio
import time

import pytest

from jarvisd.answering.ways import Ways
from jarvisd.bus import Bus
from jarvisd.config import ConversationConfig, SkillsConfig
from jarvisd.conversation import Conversation
from jarvisd.errors import EngineReplyError, EngineUnavailable, NothingHeard
from jarvisd.events import (
    AnswerDelta,
    Answered,
    NothingSaid,
    Routed,
    Transcribed,
    TurnCancelled,
    TurnFailed,
    TurnStarted,
    WakeDetected,
)
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.hooks.load import load_plugins
from jarvisd.skills.skills import Skills
from jarvisd.types import Detection, NoSpeech, Transcript, Utterance
from tests.fakes.models import ScriptedModels

PLUGIN = """
from dataclasses import replace
from jarvisd import hookimpl

@hookimpl
async def handle_command(transcript):
    if transcript.text == "bug":
        raise ValueError("a plugin with a bug")
    return "Hello." if transcript.text == "hello" else None

@hookimpl
async def revise_transcript(transcript):
    return replace(transcript, text=transcript.text.removeprefix("hey jarvis").strip())
"""


class House:
    """A conversation with a real dispatcher, a scripted recogniser and scripted models."""

    def __init__(self, tmp_path, scripts=None, heard=None, deadline_s=5.0, skills=None, home=None):
        (tmp_path / "greeter.py").write_text(PLUGIN)
        self.heard = heard
        self.bus = Bus()
        self.delivered = []
        self.woken = 0
        scripts = scripts if scripts is not None else {"small": ["It is ", "blue."]}
        self.models = ScriptedModels(scripts, self.bus, demonstration={"small"})
        self.conversation = Conversation(
            config=ConversationConfig(deadline_s=deadline_s),
            languages=("en", "es"),
            bus=self.bus,
            hooks=Dispatcher(load_plugins(tmp_path, packaged=()), timeout_s=1, publish=self.bus.publish),
            ways=Ways(skills, home=home),
            ask_models=self.models.answering.answer,
            transcribe=self.transcribe if heard is not None else None,
            deliver=lambda turn, answer: self.delivered.append((turn, answer)),
            on_wake=self.wake,
        )

    def wake(self):
        self.woken += 1

    async def transcribe(self, utterance):
        if isinstance(self.heard, Exception):
            raise self.heard
        return self.heard


def utterance():
    detection = Detection("hey_jarvis", 0.98, 1.0)
    return Utterance(b"\0" * 32000, detection, 0.5, 2.0, 2.6, 1.0, "silence", time.monotonic())


async def made(*arguments, **options):
    """Plugins are loaded before the loop runs, or on a thread."""
    return await asyncio.to_thread(House, *arguments, **options)


async def events_of(house, coroutine):
    with house.bus.subscribe("test", size=1000) as mailbox:
        result = await coroutine
        mailbox.close()
        return result, [event async for event in mailbox]


async def test_a_command_is_answered_without_a_model(tmp_path):
    house = await made(tmp_path)
    answer, events = await events_of(house, house.conversation.ask("hello", source="cli", request_id="7"))
    assert (answer.text, answer.answered_by, answer.language) == ("Hello.", "greeter", "en")
    assert house.models.leases == []
    assert [type(event) for event in events] == [TurnStarted, Transcribed, AnswerDelta, Answered]
    assert [(turn.request_id, delivered.text) for turn, delivered in house.delivered] == [("7", "Hello.")]


async def test_an_open_question_is_streamed_from_a_model_and_labelled(tmp_path):
    house = await made(tmp_path)
    said = []

    async def say(text):
        said.append(text)

    answer, events = await events_of(house, house.conversation.ask("why?", source="cli", say=say))
    assert said == ["It is ", "blue."]
    assert answer.text == "It is blue."
    assert answer.demonstration
    assert answer.completion_tokens == 2
    assert {"command", "first_token", "model", "total"} <= answer.timings_ms.keys()
    assert [type(event) for event in events] == [
        TurnStarted, Transcribed, Routed, AnswerDelta, AnswerDelta, Answered,
    ]  # fmt: skip


async def test_a_spoken_question_is_transcribed_and_revised(tmp_path):
    house = await made(tmp_path, heard=Transcript("hey jarvis hello", "en", engine="ears"))
    answer, events = await events_of(house, house.conversation.answer(house.conversation._turn("file"), utterance()))
    assert answer.question == "hello"
    assert answer.text == "Hello."
    assert answer.timings_ms["silence"] == pytest.approx(600)
    assert next(e.transcript.text for e in events if isinstance(e, Transcribed)) == "hello"


async def test_the_next_tier_answers_when_one_fails_before_its_first_word(tmp_path):
    house = await made(tmp_path, {"strong": [EngineUnavailable("strong is starting")], "small": ["Yes."]})
    answer, events = await events_of(house, house.conversation.ask("why?", source="cli"))
    assert (answer.text, answer.answered_by) == ("Yes.", "small")
    assert [event.route.tier for event in events if isinstance(event, Routed)] == ["strong", "small"]


async def test_no_tier_takes_over_once_a_word_was_said(tmp_path):
    house = await made(tmp_path, {"strong": ["Well, ", EngineReplyError("the stream was cut")], "small": ["Yes."]})
    answer, events = await events_of(house, house.conversation.ask("why?", source="cli"))
    assert answer.error_code == "answer_broke_off"
    assert house.models.leases == ["strong"]
    assert next(e for e in events if isinstance(e, TurnFailed)).stage == "model"


async def test_a_model_that_says_nothing_has_failed(tmp_path):
    house = await made(tmp_path, {"mute": ["  "], "small": ["Yes."]})
    answer = await house.conversation.ask("why?", source="cli")
    assert answer.error_code == "answer_broke_off"
    house = await made(tmp_path, {"mute": [], "small": ["Yes."]})
    assert (await house.conversation.ask("why?", source="cli")).text == "Yes."


@pytest.mark.parametrize(
    ("question", "begins"),
    [("why is it so", "None of my language models"), ("¿por qué es así?", "Ninguno de mis modelos")],
)
async def test_when_all_tiers_fail_one_honest_sentence_says_what_to_do_in_the_speakers_language(
    tmp_path, question, begins
):
    house = await made(
        tmp_path, {"small": [EngineUnavailable("The model is missing: install it with `pip install x`.")]}
    )
    answer, _ = await events_of(house, house.conversation.ask(question, source="cli"))
    assert answer.error_code == "models_failed"
    assert answer.text.startswith(begins)
    assert answer.text.endswith("install it with `pip install x`.")
    assert answer.answered_by == "jarvisd"
    assert len(house.delivered) == 1


async def test_without_any_tier_it_says_so(tmp_path):
    house = await made(tmp_path, {})
    assert (await house.conversation.ask("why?", source="cli")).error_code == "no_model"


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (None, "transcription_not_configured"),
        (NothingHeard("only noise"), "nothing_heard"),
        (Transcript("hey jarvis", "en"), "nothing_heard"),
        (EngineUnavailable("ears: `pip install pocketsphinx`"), "no_transcription"),
        (RuntimeError("a bug"), "internal"),
    ],
)
async def test_what_cannot_be_understood_ends_in_a_sentence_too(tmp_path, heard, code):
    house = await made(tmp_path, heard=heard)
    turn = house.conversation._turn("microphone")
    answer, events = await events_of(house, house.conversation.answer(turn, utterance()))
    assert answer.error_code == code
    assert house.models.leases == []
    assert isinstance(events[-1], Answered)


async def test_a_plugin_with_a_bug_does_not_cost_the_turn(tmp_path):
    house = await made(tmp_path)
    assert (await house.conversation.ask("bug", source="cli")).text == "It is blue."


async def test_no_turn_outlives_its_deadline(tmp_path):
    house = await made(tmp_path, {"small": ["Well ", "hang"]}, deadline_s=1.01)
    answer = await house.conversation.ask("why?", source="cli")
    assert answer.error_code == "deadline"
    assert house.models.closed_streams == 1


async def listen(house, items, **options):
    async def heard():
        for item in items:
            if callable(item):
                await item()
            else:
                yield item

    await house.conversation.listen(heard(), source="microphone", name="mic", **options)


async def test_a_new_wake_word_cancels_the_running_turn(tmp_path):
    house = await made(tmp_path, {"small": ["Well ", "hang"]}, heard=Transcript("why?", "en"))

    async def then_answer():
        await house.models.streaming.wait()
        house.models.scripts["small"] = ["Done."]

    first, second = utterance(), utterance()
    items = [first.detection, first, then_answer, second.detection, second]
    _, events = await events_of(house, listen(house, items))
    assert sum(isinstance(event, TurnCancelled) for event in events) == 1
    assert [answer.text for _, answer in house.delivered] == ["Done."]
    assert house.models.closed_streams == 2


async def test_files_are_answered_one_after_the_other(tmp_path):
    house = await made(tmp_path, heard=Transcript("why?", "en"))
    first, second = utterance(), utterance()
    items = [first.detection, first, second.detection, second]
    await listen(house, items, barge_in=False, request_id="files")
    assert [turn.request_id for turn, _ in house.delivered] == ["files", "files"]


async def test_a_wake_word_without_a_question_is_told(tmp_path):
    house = await made(tmp_path, heard=Transcript("why?", "en"))
    detection = Detection("hey_jarvis", 0.9, 1.0)
    _, events = await events_of(house, listen(house, [detection, NoSpeech(detection, 4.0)]))
    assert [type(event) for event in events] == [WakeDetected, NothingSaid]
    assert house.delivered == []


async def test_an_asker_that_goes_away_cancels_its_turn(tmp_path):
    house = await made(tmp_path, {"small": ["Well ", "hang"]})

    async def impatient():
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(house.conversation.ask("why?", source="cli"))
            await house.models.streaming.wait()
            asking.cancel()

    _, events = await events_of(house, impatient())
    assert isinstance(events[-1], TurnCancelled)
    assert house.delivered == []
    assert house.models.closed_streams == 1


@pytest.fixture
def skilled(tmp_path):
    skills = Skills(SkillsConfig(), tmp_path / "agenda.sqlite", languages=lambda: ("en", "es"), on_ring=None)
    return House(tmp_path, skills=skills)


async def test_a_skill_answers_before_any_model_in_the_language_it_understood(skilled):
    answer = await skilled.conversation.ask("¿qué sabes hacer?", source="cli", language="en")
    assert (answer.answered_by, answer.language) == ("talk", "es")
    assert answer.text.startswith("Digo la hora")
    assert skilled.models.leases == []
    assert (await skilled.conversation.ask("hello", source="cli")).text == "Hello."
    assert (await skilled.conversation.ask("why is it blue", source="cli")).answered_by == "small"


async def test_a_wish_beside_a_question_is_kept_out_of_it(tmp_path):
    house = await made(tmp_path)
    await house.conversation.ask("piénsalo bien, why is the sky blue", source="cli")
    (asked,) = house.models.asked
    assert asked.question.text == "why is the sky blue"
    assert asked.question.wishes.level == "reasoning"


async def test_a_wish_alone_is_about_the_question_before(tmp_path):
    house = await made(tmp_path)
    await house.conversation.ask("why is the sky blue", source="cli")
    await house.conversation.ask("hello", source="cli")
    await house.conversation.ask("piénsalo mejor", source="cli")
    assert [asked.question.text for asked in house.models.asked] == ["why is the sky blue"] * 2
    assert house.models.asked[1].question.wishes.level == "reasoning"


async def test_a_wish_about_nothing_is_asked_about(tmp_path):
    house = await made(tmp_path)
    answer = await house.conversation.ask("piénsalo bien", source="cli")
    assert answer.error_code == "nothing_before"
    assert house.models.asked == []


async def test_a_yes_to_the_offer_asks_again_higher_up(tmp_path):
    house = await made(tmp_path, {"small": [["330 metres. ", "But I'm not sure."], ["330."]], "big": ["never"]})
    house.models.escalate_to = "big"
    first = await house.conversation.ask("how tall is it", source="cli")
    assert first.offers_more
    house.models.escalate_to = None
    assert (await house.conversation.ask("yes please", source="cli")).text == "330."
    assert house.models.asked[1].question.wishes.level == "reasoning"
    assert house.models.asked[1].question.text == "how tall is it"


async def test_a_yes_without_an_offer_is_a_question_like_any(tmp_path):
    house = await made(tmp_path)
    await house.conversation.ask("why is the sky blue", source="cli")
    await house.conversation.ask("yes", source="cli")
    assert house.models.asked[1].question.text == "yes"


async def test_what_was_said_last_is_known_by_room(tmp_path):
    house = await made(tmp_path)
    await house.conversation.ask("hello", source="cli", room="kitchen")
    assert house.conversation.last_answer("kitchen") == "Hello."
    assert house.conversation.last_answer("bath") is None


async def test_the_wake_word_is_told_at_once(tmp_path):
    house = await made(tmp_path, heard=Transcript("why?", "en"))
    await listen(house, [Detection("hey_jarvis", 0.9, 1.0)])
    assert house.woken == 1


async def test_a_wish_for_the_next_time_teaches_what_the_question_before_was(tmp_path):
    house = await made(tmp_path)
    taught = []

    async def teach(turn_id, kind):
        taught.append((turn_id, kind))

    house.conversation._teach = teach
    assert (await house.conversation.ask("respuesta corta la próxima vez", source="cli")).error_code == "nothing_before"
    await house.conversation.ask("why is the sky blue", source="cli")
    ((turn, _),) = [one for one in house.delivered if one[1].via == "model"]
    said = await house.conversation.ask("respuesta corta la próxima vez", source="cli")
    assert said.text == "Vale, lo tendré en cuenta."
    assert taught == [(turn.id, "fast")]
    assert len(house.models.asked) == 1


async def test_what_may_be_a_pin_is_told_to_nobody(tmp_path):
    class Listening(Ways):
        def may_hear_a_pin(self, turn):
            return True

    house = await made(tmp_path)
    house.conversation._ways = Listening()
    answer, events = await events_of(house, house.conversation.ask("hello", source="cli"))
    assert answer.question == "(a confirmation)"
    assert "hello" not in repr([event for event in events if not isinstance(event, AnswerDelta)]).replace("Hello", "")
