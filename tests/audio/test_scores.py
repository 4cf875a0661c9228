from jarvisd.audio.scores import NearMiss, RecentScores, ScoreLog, SecondScores
from jarvisd.types import CHUNK_S


def filled(scores, word="hey_jarvis"):
    log = ScoreLog(clock=lambda: 1_700_000_000.0)
    for number, score in enumerate(scores):
        log.add({word: score}, number * CHUNK_S, near_miss=0.15, threshold=0.5)
    return log.recent()


def test_nothing_heard_nothing_kept():
    assert ScoreLog().recent() == RecentScores()


def test_the_highest_score_of_each_second_is_kept():
    recent = filled([0.01] * 5 + [0.1] + [0.02] * 10)
    assert recent.seconds == (SecondScores(0, {"hey_jarvis": 0.1}), SecondScores(1, {"hey_jarvis": 0.02}))


def test_a_rise_that_does_not_reach_the_threshold_is_a_near_miss_once():
    recent = filled([0.0, 0.2, 0.41, 0.3, 0.1, 0.0, 0.16, 0.0])
    assert recent.near_misses == (
        NearMiss("hey_jarvis", 0.41, 2 * CHUNK_S, 1_700_000_000.0),
        NearMiss("hey_jarvis", 0.16, 6 * CHUNK_S, 1_700_000_000.0),
    )


def test_a_detection_is_no_near_miss():
    assert filled([0.0, 0.2, 0.9, 0.3, 0.0]).near_misses == ()


def test_hours_of_scores_stay_bounded():
    recent = filled([0.3, 0.0] * 30_000)
    assert len(recent.seconds) == 300
    assert recent.seconds[-1].at_s == int(59_999 * CHUNK_S)
    assert len(recent.near_misses) == 50
