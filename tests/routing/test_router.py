from jarvisd.config import TierConfig
from jarvisd.routing.router import routes
from jarvisd.types import EngineState, EngineStatus

TIERS = {name: TierConfig(engine=f"{name}-engine") for name in ("strong", "fast", "cloud")}


def order(states):
    engines = {f"{name}-engine": EngineStatus(f"{name}-engine", "process", state) for name, state in states.items()}
    return [route.tier for route in routes(tuple(TIERS), TIERS, engines)]


def test_ready_engines_are_asked_in_the_tiers_order():
    assert order(dict.fromkeys(TIERS, EngineState.READY)) == ["strong", "fast", "cloud"]


def test_a_sleeping_engine_wakes_soon_enough_to_be_asked_in_its_turn():
    states = {"strong": EngineState.ASLEEP, "fast": EngineState.READY, "cloud": EngineState.STARTING}
    assert order(states) == ["strong", "fast", "cloud"]


def test_a_ready_engine_goes_before_one_that_starts_and_that_before_one_that_failed():
    states = {"strong": EngineState.FAILED, "fast": EngineState.STARTING, "cloud": EngineState.READY}
    assert order(states) == ["cloud", "fast", "strong"]


def test_the_reason_is_in_words():
    status = EngineStatus("fast-engine", "process", EngineState.READY)
    (route,) = routes(("fast",), TIERS, {"fast-engine": status})
    assert route.reason == "fast: its engine fast-engine is ready"


def test_no_tiers_no_routes():
    assert routes((), TIERS, {}) == ()
