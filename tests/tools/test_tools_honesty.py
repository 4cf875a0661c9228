"""Which sentences claim that something was done."""

import pytest

from jarvisd.tools.honesty import SpokenRule, claims_an_action
from jarvisd.types import ToolResult


@pytest.mark.parametrize(
    "claim",
    [
        "Hecho.", "Claro, hecho.", "¡Listo!", "Ya está.", "He abierto el garaje.", "La luz está encendida.",
        "Acabo de apagar la luz.", "La puerta queda cerrada.", "Ya lo he encendido.", "Encendí la luz.",
        "Done.", "Sure, done!", "All set.", "I've turned on the light.", "I opened the garage for you.",
        "The light in the kitchen is turned on.", "The lights are now on.", "The door has been locked.",
        "Your garage is open.",
    ],
)  # fmt: skip
def test_claims(claim):
    assert claims_an_action(claim)


@pytest.mark.parametrize(
    "text",
    [
        "No he podido abrirlo.", "No puedo hacerlo.", "¿Qué luz quieres que encienda?", "Voy a encender la luz.",
        "Necesito saber qué puerta.", "I could not do it.", "I can't open the garage.", "Which light do you mean?",
        "I will turn on the light.", "Opening a garage takes a motor.", "Son las tres y media.",
    ],
)  # fmt: skip
def test_what_is_no_claim(text):
    assert not claims_an_action(text)


def said(rule, *pieces):
    return "".join(rule.take(piece) for piece in pieces) + rule.end()


def test_sentences_are_judged_whole_however_they_come():
    rule = SpokenRule("enciende la luz", "es")
    assert rule.take("Un mom") == ""
    assert rule.take("ento. He enc") == "Un momento. "
    assert rule.take("endido la luz") == ""
    assert rule.end() == "No he hecho nada en la casa."
    assert rule.take("Y además es verdad.") == ""


def test_a_claim_is_said_when_every_action_was_confirmed():
    rule = SpokenRule("enciende la luz", "es")
    rule.acted.append(ToolResult("", confirmed=True))
    assert said(rule, "He encendido la luz.") == "He encendido la luz."
    rule.acted.append(ToolResult("", confirmed=None))
    assert said(rule, "Hecho.") == "Lo he mandado, pero no puedo comprobar si se ha hecho."


@pytest.mark.parametrize(
    ("results", "sentence"),
    [
        ([], "I have not done anything in the house."),
        ([ToolResult("", confirmed=True)], "Done."),
        ([ToolResult("", confirmed=True), ToolResult("", confirmed=False)], "That did not work: nothing has changed."),
        ([ToolResult("", confirmed=False), ToolResult("", failed=True)], "I could not do it."),
    ],
)
def test_the_worst_of_the_actions_counts(results, sentence):
    rule = SpokenRule("turn on the light", "en")
    rule.acted += results
    assert rule.outcome() == sentence


def test_where_nobody_asked_for_an_action_words_flow_until_a_model_tries_one():
    rule = SpokenRule("how are you", "en")
    assert rule.take("Done wi") == "Done wi"
    rule.watch()
    assert said(rule, " I opened the garage. Bye.") == "I have not done anything in the house."
