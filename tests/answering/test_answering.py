"""Asking the tiers: who takes over, what is looked at before it is spoken, and what is said beside."""

import time

import pytest

from jarvisd.answering.progress import Progress
from jarvisd.answering.question import Question
from jarvisd.bus import Bus
from jarvisd.config import RoutingConfig
from jarvisd.errors import CloudRefused, EngineReplyError, EngineUnavailable, TurnTrouble
from jarvisd.llm.thinking import TooMuchThought
from jarvisd.types import Turn
from tests.fakes.models import ScriptedModels

SURE = ("It is 330 metres. ", (-0.1, -0.2, -0.1, -0.3))
UNLIKELY = ("It is 812 metres. ", (-2.0, -3.0, -1.5, -2.5))


class Asker:
    def __init__(self, scripts, source="cli", language="en", **how):
        self.models = ScriptedModels(scripts, Bus(), **how)
        self.said = []
        turn = Turn(source, language, 60.0)
        self.question = Question(turn, "how tall is the tower", language)
        self.progress = Progress(turn, self.say, time.monotonic(), language, lambda event: None)

    async def say(self, text):
        self.said.append(text)

    async def answer(self):
        return await self.models.answering.answer(self.question, self.progress)


async def test_the_first_tier_answers_and_how_quick_it_was_is_learned():
    asker = Asker({"fast": ["It is ", "330 metres."], "strong": ["never"]})
    answer = await asker.answer()
    assert (answer.text, answer.tier, answer.via) == ("It is 330 metres.", "fast", "model")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cost_micros) == (7, 2, 0)
    assert asker.said == ["It is ", "330 metres."]
    assert asker.models.first_words == ["fast"]
    assert {"first_word", "first_token"} <= asker.progress.timings_ms.keys()


@pytest.mark.parametrize(
    "beginning", ["I'm not sure about that. ", "No lo sé con certeza. ", UNLIKELY, "Sorry, I can't help with that. "]
)
async def test_an_unsure_beginning_is_never_spoken_and_the_better_tier_answers(beginning):
    asker = Asker({"fast": [beginning, "More."], "strong": ["330 metres."]}, escalate_to="strong")
    answer = await asker.answer()
    assert (answer.text, answer.tier) == ("330 metres.", "strong")
    assert asker.said == ["330 metres."]
    assert [asked.look for asked in asker.models.asked] == [True, False]
    assert asker.models.closed_streams == 2


async def test_a_sure_beginning_is_spoken_once_its_sentence_is_complete():
    scripts = {"fast": ["It is ", "330", " metres. ", "It is", " in Paris."], "strong": ["never"]}
    asker = Asker(scripts, escalate_to="strong")
    answer = await asker.answer()
    assert answer.text == "It is 330 metres. It is in Paris."
    assert asker.said == ["It is 330 metres. ", "It is", " in Paris."]


async def test_a_slow_beginning_is_not_held_back_for_ever():
    asker = Asker({"fast": ["It is ", "330 ", "metres."], "strong": ["never"]}, escalate_to="strong")
    asker.models.settings = RoutingConfig(look_ms=0.001)
    await asker.answer()
    assert asker.said[0] == "It is "


async def test_an_answer_shorter_than_a_sentence_is_looked_at_at_its_end():
    asker = Asker({"fast": ["No sé"], "strong": ["330."]}, escalate_to="strong")
    assert (await asker.answer()).text == "330."


async def test_it_escalates_once_only_and_comes_back_when_the_better_tier_fails():
    scripts = {
        "fast": [["I don't know. "], ["I don't know. ", "But it is tall."]],
        "strong": [EngineUnavailable("gone")],
    }
    asker = Asker(scripts, escalate_to="strong")
    answer = await asker.answer()
    assert (answer.text, answer.tier) == ("I don't know. But it is tall.", "fast")
    assert asker.models.leases == ["fast", "strong", "fast"]


async def test_looking_can_be_switched_off():
    asker = Asker({"fast": ["I don't know."], "strong": ["330."]}, escalate_to="strong")
    asker.models.settings = RoutingConfig(look_first=False)
    assert (await asker.answer()).text == "I don't know."


async def test_doubt_that_shows_only_later_ends_in_an_offer():
    asker = Asker({"fast": [SURE, "But I'm not sure."], "strong": ["never"]}, escalate_to="strong")
    answer = await asker.answer()
    assert answer.text.endswith("But I'm not sure. Shall I think about it more carefully?")
    assert answer.offers_more
    scripts = {"fast": ["Son 330 metros. ", "No estoy seguro."], "strong": ["never"]}
    spanish = Asker(scripts, language="es", escalate_to="strong")
    assert (await spanish.answer()).text.endswith("¿Quieres que lo piense mejor?")


async def test_who_reasons_says_so_at_once_to_those_who_listen():
    spoken = Asker({"deep": ["Twelve."]}, "microphone", levels={"deep": "reasoning"})
    assert (await spoken.answer()).text == "Twelve."
    assert spoken.said == ["Let me think about it.", "Twelve."]
    typed = Asker({"deep": ["Twelve."]}, levels={"deep": "reasoning"})
    await typed.answer()
    assert typed.said == ["Twelve."]


async def test_a_filler_does_not_keep_the_next_tier_from_answering():
    scripts = {"deep": [EngineUnavailable("gone")], "fast": ["Twelve."]}
    asker = Asker(scripts, "microphone", levels={"deep": "reasoning"})
    assert (await asker.answer()).text == "Twelve."


async def test_one_that_thinks_too_long_must_answer_and_one_that_only_thinks_is_replaced():
    asker = Asker({"deep": [[TooMuchThought()], ["Twelve."]], "fast": ["Eleven."]}, levels={"deep": "reasoning"})
    assert (await asker.answer()).text == "Twelve."
    assert [asked.think for asked in asker.models.asked] == [True, False]
    asker = Asker({"deep": [[TooMuchThought()], [TooMuchThought()]], "fast": ["Eleven."]}, levels={"deep": "reasoning"})
    assert (await asker.answer()).text == "Eleven."


async def test_a_tier_that_was_wanted_and_is_cold_is_brought_up():
    asker = Asker({"fast": ["Yes."], "strong": ["never"]}, wanted="strong")
    await asker.answer()
    assert asker.models.warmed == ["strong"]


async def test_what_an_answer_from_outside_cost_is_in_it():
    asker = Asker({"cloud": ["Yes."]})
    assert (await asker.answer()).cost_micros == 42


async def test_a_cloud_that_is_refused_at_the_last_moment_is_replaced():
    asker = Asker({"cloud": [CloudRefused("the budget of today is used up")], "fast": ["Yes."]})
    assert (await asker.answer()).tier == "fast"


async def test_when_nobody_may_be_asked_it_says_why():
    asker = Asker({}, refused={"cloud": "it stays in the house: a name"})
    with pytest.raises(TurnTrouble) as trouble:
        await asker.answer()
    assert (trouble.value.code, trouble.value.detail) == ("models_failed", "it stays in the house: a name")
    with pytest.raises(TurnTrouble) as trouble:
        await Asker({}).answer()
    assert trouble.value.code == "no_model"


async def test_after_the_first_spoken_word_nobody_takes_over():
    asker = Asker({"fast": ["Well, ", EngineReplyError("cut")], "strong": ["never"]})
    with pytest.raises(TurnTrouble, match="cut") as trouble:
        await asker.answer()
    assert trouble.value.code == "answer_broke_off"
    looked = Asker({"fast": ["Well, ", EngineReplyError("cut")], "strong": ["330."]}, escalate_to="strong")
    assert (await looked.answer()).text == "330."  # nothing of it was spoken yet
