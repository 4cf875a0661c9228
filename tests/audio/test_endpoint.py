"""The endpointer alone: chunks whose voice activity is written down by hand."""

import pytest

from jarvisd.audio.endpoint import Endpointer, HeardChunk
from jarvisd.config import EndpointConfig
from jarvisd.types import CHUNK_BYTES, CHUNK_S, AudioChunk, Detection, NoSpeech, Utterance

CONFIG = EndpointConfig(silence_s=0.6, preroll_s=1.5, max_utterance_s=10, no_speech_timeout_s=4, speech_threshold=0.5)


def heard(pattern, start=0):
    """One chunk for each sign.

    `#` clear speech, `~` speech that is not clear, `-` half a chunk of clear speech, `.` silence, `?` not looked at.
    """
    frames = {"#": (0.95, 0.95), "~": (0.7, 0.7), "-": (0.95, 0.1), ".": (0.1, 0.1), "?": ()}
    return [
        HeardChunk(AudioChunk(number.to_bytes(2, "little") * (CHUNK_BYTES // 2), number * CHUNK_S), frames[sign])
        for number, sign in enumerate(pattern, start=start)
    ]


def listen(before, after, config=CONFIG, finish=False):
    """The wake word is detected at the end of `before`; the outcome, and how many chunks of `after` it took."""
    endpointer = Endpointer(config, clock=lambda: 42.0)
    history = heard(before)
    endpointer.begin(Detection("hey_jarvis", 0.9, history[-1].end_s), history)
    for count, chunk in enumerate(heard(after, start=len(before)), start=1):
        outcome = endpointer.feed(chunk)
        if outcome is not None:
            assert not endpointer.active
            return outcome, count
    return (endpointer.finish(), len(after)) if finish else (None, len(after))


def numbers(utterance):
    """Which chunks are in it."""
    pcm = utterance.pcm
    found = [int.from_bytes(pcm[at : at + 2], "little") for at in range(0, len(pcm), CHUNK_BYTES)]
    assert found == list(range(found[0], found[-1] + 1))
    return found[0], found[-1]


def test_idle_before_a_wake_word():
    endpointer = Endpointer(CONFIG)
    assert not endpointer.active
    assert [endpointer.feed(chunk) for chunk in heard("##..")] == [None] * 4
    assert endpointer.finish() is None


def test_in_one_breath_the_whole_wake_phrase_is_kept():
    before, after = "......##########", "########........"
    outcome, count = listen(before, after)
    assert isinstance(outcome, Utterance)
    assert outcome.ended_by == "silence"
    # From 0.2 s before the phrase (chunk 6) to 0.3 s behind the last word (chunk 23).
    assert numbers(outcome) == (3, 27)
    assert outcome.start_at_s == pytest.approx(3 * CHUNK_S)
    assert outcome.speech_end_at_s == pytest.approx(24 * CHUNK_S)
    assert outcome.end_at_s == pytest.approx((16 + count) * CHUNK_S)
    assert 0.6 <= outcome.end_at_s - outcome.speech_end_at_s < 0.6 + CHUNK_S
    assert outcome.speech_s == pytest.approx(18 * CHUNK_S)
    assert outcome.captured_monotonic == 42.0
    assert outcome.detection.wake_word == "hey_jarvis"


def test_a_detection_that_comes_late_loses_no_word():
    # "what" was over when the wake word was recognised.
    outcome, _ = listen("....############", "#######........")
    assert numbers(outcome)[0] == 1


def test_after_a_pause_the_question_begins_afresh():
    outcome, _ = listen("......##########", "-...........#########........")
    assert isinstance(outcome, Utterance)
    first, last = numbers(outcome)
    assert (first, last) == (25, 40)  # 0.2 s before the question at chunk 28, and nothing of the wake word
    assert outcome.speech_s == pytest.approx(9 * CHUNK_S)


def test_the_end_of_the_wake_word_is_no_question():
    for after_wake in ("." * 70, "-" + "." * 70, "#" + "." * 70):
        outcome, count = listen("......##########", after_wake)
        assert isinstance(outcome, NoSpeech)
        assert outcome.waited_s == pytest.approx(count * CHUNK_S)
        assert 4.0 <= outcome.waited_s < 4.0 + CHUNK_S


def test_a_short_pause_keeps_everything_that_may_be_a_word():
    # 0.16 s of speech after the detection may be "stop" or a drawn out "jarvis": kept with what follows.
    outcome, _ = listen("......##########", "##......#########........")
    assert numbers(outcome)[0] == 3


def test_what_may_be_a_word_is_handed_over_when_nothing_follows():
    outcome, count = listen("......##########", "##" + "." * 70)
    assert isinstance(outcome, Utterance)
    assert outcome.ended_by == "silence"
    assert count * CHUNK_S == pytest.approx(4.0, abs=CHUNK_S)
    assert numbers(outcome) == (3, 21)
    assert outcome.end_at_s == pytest.approx((16 + count) * CHUNK_S)
    assert outcome.captured_monotonic == 42.0


def test_what_may_be_a_word_gives_way_to_a_question():
    outcome, _ = listen("......##########", "##.........#########........")
    assert isinstance(outcome, Utterance)
    assert numbers(outcome)[0] == 24


def test_what_may_be_a_word_is_handed_over_when_the_stream_ends():
    outcome, _ = listen("......##########", "##...........", finish=True)
    assert isinstance(outcome, Utterance)
    assert outcome.ended_by == "end_of_stream"
    assert numbers(outcome) == (3, 21)


@pytest.mark.parametrize("noise", ["-", "~~~~", "-~~~~", "#"])
def test_a_cough_or_a_knock_after_the_pause_is_no_question(noise):
    outcome, _ = listen("......##########", "......" + noise + "." * 70)
    assert isinstance(outcome, NoSpeech)
    outcome, _ = listen("......##########", "......" + noise + "........" + "#########........")
    assert isinstance(outcome, Utterance)
    assert numbers(outcome)[0] == 16 + 6 + len(noise) + 8 - 3


def test_a_short_word_after_the_pause_is_a_question():
    outcome, count = listen("......##########", "......##" + "." * 20)
    assert isinstance(outcome, Utterance)
    assert count == 6 + 2 + 8


def test_in_noise_speech_counts_that_is_never_clear():
    outcome, _ = listen("......##########", "......~~~~~~~~........")
    assert isinstance(outcome, Utterance)


def test_a_breath_within_the_question_does_not_end_it():
    outcome, _ = listen("......##########", "#######......#####........")
    assert isinstance(outcome, Utterance)
    assert numbers(outcome) == (3, 37)


def test_endless_speech_is_cut_at_the_longest():
    outcome, count = listen("......##########", "#" * 7_500)
    assert isinstance(outcome, Utterance)
    assert outcome.ended_by == "max_length"
    assert len(outcome.pcm) == pytest.approx(10 * 32_000, abs=CHUNK_BYTES)
    assert count < 126


def test_a_stream_that_ends_hands_over_what_was_said():
    outcome, _ = listen("......##########", "#####", finish=True)
    assert isinstance(outcome, Utterance)
    assert outcome.ended_by == "end_of_stream"
    assert numbers(outcome) == (3, 20)


def test_a_stream_that_ends_after_the_wake_word_says_so():
    outcome, _ = listen("......##########", "...", finish=True)
    assert isinstance(outcome, NoSpeech)


def test_talk_before_the_wake_word_is_kept_no_further_than_the_preroll():
    outcome, _ = listen("#" * 40, "#######........")
    assert outcome.start_at_s == pytest.approx(40 * CHUNK_S - 1.5, abs=CHUNK_S)


def test_without_preroll_an_utterance_begins_at_the_detection():
    outcome, _ = listen("......##########", "#######........", CONFIG.model_copy(update={"preroll_s": 0.0}))
    assert numbers(outcome)[0] == 16


def test_where_voice_activity_slept_there_was_silence():
    outcome, _ = listen("????????##########", "#######........")
    assert numbers(outcome)[0] == 5


def test_a_wake_word_that_voice_activity_did_not_hear_keeps_all_there_is():
    outcome, _ = listen("................", "#######........")
    assert isinstance(outcome, Utterance)
    assert numbers(outcome)[1] >= 20


def test_a_second_wake_word_begins_anew():
    endpointer = Endpointer(CONFIG)
    chunks = heard("....####" + "#" * 20 + "....####" + "#######........")
    endpointer.begin(Detection("hey_jarvis", 0.9, chunks[7].end_s), chunks[:8])
    assert [endpointer.feed(chunk) for chunk in chunks[8:36]] == [None] * 28
    endpointer.begin(Detection("hey_jarvis", 0.8, chunks[35].end_s), chunks[:36])
    outcomes = [outcome for chunk in chunks[36:] if (outcome := endpointer.feed(chunk))]
    assert len(outcomes) == 1
    assert outcomes[0].detection.score == 0.8
    assert numbers(outcomes[0])[0] == 29


def test_new_values_count_at_once():
    endpointer = Endpointer(CONFIG)
    chunks = heard("....########" + "#######" + ".....")
    endpointer.begin(Detection("hey_jarvis", 0.9, chunks[11].end_s), chunks[:12])
    assert [endpointer.feed(chunk) for chunk in chunks[12:21]] == [None] * 9
    endpointer.config = CONFIG.model_copy(update={"silence_s": 0.2})
    assert isinstance(endpointer.feed(chunks[21]), Utterance)
