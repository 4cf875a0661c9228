"""What may be in a prompt for a cloud: proven by trying, and by asking the type checker."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvisd.errors import CloudRefused
from jarvisd.outgoing import (
    PUBLIC_ORIGINS,
    CloudPrompt,
    Origin,
    Private,
    Public,
    Verdict,
    cleared,
    day_told,
    fixed_instructions,
    question_for_cloud,
)
from jarvisd.types import Message

ROOT = Path(__file__).parents[1]
DAY = date(2026, 11, 9)
LANGUAGES = st.sampled_from(["es", "en"])
PRIVATE_ORIGINS = sorted(set(Origin) - PUBLIC_ORIGINS)
privates = st.builds(
    Private, st.text(), st.sampled_from(PRIVATE_ORIGINS), st.sampled_from(["system", "user", "assistant"])
)
publics = st.one_of(
    LANGUAGES.map(fixed_instructions),
    st.builds(day_told, st.dates(), LANGUAGES),
    st.builds(
        cleared, st.text().map(lambda text: Verdict(text, private=False)), st.sampled_from(["user", "assistant"])
    ),
)


@settings(deadline=None)
@given(st.lists(publics), privates, st.lists(publics | privates))
def test_no_prompt_with_a_private_part_can_be_made(before, private, after):
    with pytest.raises(CloudRefused) as refusal:
        CloudPrompt.of([*before, private, *after])
    assert refusal.value.code == "cloud_private"


@settings(deadline=None)
@given(st.lists(publics, min_size=1))
def test_a_prompt_holds_the_words_of_its_parts_and_no_others(parts):
    question = cleared(Verdict("how tall is it", private=False))
    prompt = CloudPrompt.of([*parts, question])
    said = [(part.role, part.text) for part in [*parts, question] if part.role != "system"]
    told = " ".join(part.text for part in parts if part.role == "system")
    assert [(one.role, one.content) for one in prompt.messages] == ([("system", told)] if told else []) + said


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_what_was_judged_private_cannot_be_cleared(text, reasons):
    verdict = Verdict(text, private=True, reasons=tuple(reasons))
    for way in (lambda: cleared(verdict), lambda: question_for_cloud(verdict, "en", DAY)):
        with pytest.raises(CloudRefused):
            way()


@pytest.mark.parametrize(
    "forged",
    [
        "is the door locked",
        Message("user", "is the door locked"),
        Private("is the door locked", Origin.HOME, "user"),
        None,
        type("Public", (), {"text": "x", "origin": Origin.FIXED, "role": "user"})(),
    ],
    ids=lambda forged: type(forged).__name__,
)
def test_nothing_else_passes_for_a_public_part(forged):
    with pytest.raises(CloudRefused):
        CloudPrompt.of([forged])


def test_no_part_and_no_prompt_is_made_by_hand():
    part = fixed_instructions("en")
    prompt = question_for_cloud(Verdict("hi", private=False), "en", DAY)
    for forge in (
        lambda: Public("secret", Origin.FIXED, "user", object()),
        lambda: CloudPrompt((Message("user", "secret"),), object()),
        lambda: dataclasses.replace(part, text="secret"),
        lambda: dataclasses.replace(prompt, messages=()),
        lambda: dataclasses.replace(part, text="secret", _seal=None),
    ):
        with pytest.raises((CloudRefused, ValueError, TypeError)):
            forge()
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.text = "secret"
    with pytest.raises(TypeError):
        type("Forged", (Public,), {})("secret", Origin.FIXED, "user")
    assert copy.deepcopy(part) == pickle.loads(pickle.dumps(part)) == part


def test_a_prompt_without_a_question_is_none():
    with pytest.raises(CloudRefused, match="no question"):
        CloudPrompt.of([fixed_instructions("es")])


def test_the_usual_prompt_says_nothing_of_the_house():
    earlier = (cleared(Verdict("qué es la luna", False)), cleared(Verdict("un satélite", False), "assistant"))
    prompt = question_for_cloud(Verdict("cuánto pesa", False), "es", DAY, earlier)
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content.endswith("Hoy es 2026-11-09.")


def test_the_type_checker_refuses_what_is_private(tmp_path):
    head = (
        "from jarvisd.outgoing import CloudPrompt, Origin, Private, Public, Verdict, cleared\n"
        "from jarvisd.types import Message\n"
    )
    good = "CloudPrompt.of([cleared(Verdict('x', False))])\n"
    bad = (
        "CloudPrompt.of([Private('x', Origin.MEMORY)])",
        "CloudPrompt.of([cleared(Verdict('x', False)), Private('x', Origin.SPEAKER)])",
        "CloudPrompt.of([Message('user', 'x')])",
        "CloudPrompt.of(['x'])",
        "CloudPrompt((Message('user', 'x'),), None)",
        "Public('x', Origin.FIXED, 'user', None)",
        "Private('x', Origin.FIXED)",
        "class Mine(CloudPrompt): ...",
        "from jarvisd.llm.cloud import stream_cloud; stream_cloud((Message('user', 'x'),), *[])",
    )
    (tmp_path / "good.py").write_text(head + good)
    (tmp_path / "bad.py").write_text(head + "\n".join(bad) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--no-error-summary",
         "--show-error-codes", tmp_path / "good.py", tmp_path / "bad.py"],
        cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert "good.py" not in done.stdout, done.stdout
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if "bad.py" in line}
    assert lines == set(range(3, 3 + len(bad))), done.stdout + done.stderr
