"""Every error that jarvisd raises on purpose.

    JarvisError                  code + one sentence that says what to do next
    ├── ConfigError              the configuration is wrong; a human must act
    ├── AudioError               a source that cannot be opened, or sound that is not sound
    ├── WakeModelError           a wake word or voice activity model does not load
    ├── EngineError              an engine cannot serve
    │   ├── EngineStartError     it did not become ready (exit code, last lines, what to install)
    │   ├── EngineUnavailable    not running now; it may come back by itself
    │   ├── EngineReplyError     it answered, but not as its protocol says (cut stream, no finish_reason)
    │   └── CloudRefused         nothing may be sent there: not allowed, private, or not to be paid for
    ├── OrderError               a person's order that cannot be followed: an unknown name, a bad duration
    ├── ModelError               a model's files are missing, damaged, of an unknown kind, or cannot be fetched
    ├── StoreError               what is remembered cannot be read or written
    │   └── IndexUnavailable     the index of vectors cannot be asked; words still find
    ├── NothingHeard             sound, but no words in it: a defined outcome, not a fault
    ├── TurnTrouble              a turn cannot be answered; becomes one honest sentence
    ├── PluginError              a plugin raised, hung, or does not load
    ├── HomeError                Home Assistant refused, or answered what cannot be understood
    │   └── HomeUnavailable      it cannot be reached, is too slow, or does not know the token
    ├── MqttError                the broker refused or cannot be reached
    └── ControlError             the daemon behind the control socket cannot be reached or refused

Low-level exceptions are translated at the edge that meets them, with `raise ... from`.
"""


class JarvisError(Exception):
    """An error with a machine-readable `code` and a sentence for a person."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ConfigError(JarvisError):
    """One or more faults in the configuration; `faults` has a line for each."""

    code = "config"

    def __init__(self, message: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class AudioError(JarvisError):
    code = "audio"


class WakeModelError(JarvisError):
    code = "wake_model"


class EngineError(JarvisError):
    code = "engine"


class EngineStartError(EngineError):
    code = "engine_start"


class EngineUnavailable(EngineError):  # noqa: N818 - a state, read aloud as one
    code = "engine_unavailable"


class EngineReplyError(EngineError):
    code = "engine_reply"


class OrderError(JarvisError):
    code = "order"


class CloudRefused(EngineError):  # noqa: N818 - a decision of the house, not a fault of the engine
    """`code`: cloud_off, cloud_private, cloud_budget, cloud_price or cloud_ledger."""

    code = "cloud_off"


class ModelError(JarvisError):
    code = "model"


class StoreError(JarvisError):
    code = "memory"


class IndexUnavailable(StoreError):  # noqa: N818 - as the field says it
    code = "memory_index"


class NothingHeard(JarvisError):  # noqa: N818 - a defined outcome of listening
    code = "nothing_heard"


class TurnTrouble(JarvisError):  # noqa: N818 - becomes an honest sentence, never a traceback
    """A turn cannot be answered: `code` names the sentence, `detail` what a person can do, `stage` where it was."""

    def __init__(self, code: str, stage: str, detail: str = "") -> None:
        super().__init__(detail or code, code=code)
        self.stage = stage
        self.detail = detail


class PluginError(JarvisError):
    code = "plugin"


class HomeError(JarvisError):
    code = "home"


class HomeUnavailable(HomeError):  # noqa: N818 - a state, read aloud as one
    code = "home_unavailable"


class MqttError(JarvisError):
    code = "mqtt"


class ControlError(JarvisError):
    code = "control"
