"""Every hook is documented, used by a plugin of our own, and has a test here called test_hook_<name>."""

import inspect
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import jarvisd
from jarvisd import Jarvis, hookimpl
from jarvisd.bus import MAILBOX_SIZE
from jarvisd.events import ListeningChanged
from jarvisd.hooks import specs
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.hooks.load import load_plugins
from jarvisd.types import Answer, Tool, ToolResult, Transcript, Turn
from tests.fakes.plugins import dispatcher_of

REPOSITORY = Path(__file__).parents[2]
DOCS = (REPOSITORY / "docs" / "hooks.md").read_text("utf-8")
TURN = Turn("cli", "en", 60)


def jarvis(plugin, folder, settings=None, ask=None):
    return Jarvis(plugin, settings=settings or {}, plugins_dir=folder, languages=lambda: ("es", "en"), ask=ask)


def signature(name):
    return name + str(inspect.signature(getattr(specs, name))).replace("'", "")


def test_every_hook_is_documented_with_its_exact_signature_and_no_other_is():
    headings = re.findall(r"^### `(.+)`$", DOCS, re.MULTILINE)
    assert headings == [signature(name) for name in specs.HOOKS]


@pytest.mark.parametrize("name", specs.HOOKS)
def test_every_hook_is_documented_with_its_way_of_calling_and_its_sentence(name):
    section = DOCS.split(f"### `{signature(name)}`\n")[1]
    assert section.startswith(f"{specs.HOOKS[name].call}. {getattr(specs, name).__doc__}")


@pytest.mark.parametrize("name", specs.HOOKS)
def test_every_hook_has_a_test(name):
    assert callable(globals().get(f"test_hook_{name}")), f"write test_hook_{name} in {__file__}"


@pytest.mark.parametrize("name", specs.HOOKS)
def test_every_hook_is_used_by_a_plugin_of_our_own(name):
    users = [info.name for info in load_plugins().infos if info.origin == "jarvisd" and name in info.hooks]
    assert users
    section = DOCS.split(f"### `{signature(name)}`\n")[1].split("\n#")[0]
    for user in users:
        assert f"`{user}`" in section


def test_figures_in_the_docs_are_those_of_the_code():
    assert f"up to {MAILBOX_SIZE} events wait" in DOCS


@pytest.fixture
def coffee(tmp_path):
    """The example of the docs, loaded as a plugin file."""
    source = re.search(r"```python\n(.+?)```", DOCS, re.DOTALL)[1]
    (tmp_path / "coffee.py").write_text(source)
    (tmp_path / "coffee.py").chmod(0o644)
    return load_plugins(tmp_path, packaged=())


async def test_the_example_of_the_docs_works(coffee, tmp_path):
    settings = tomllib.loads(re.search(r"```toml\n(.+?)```", DOCS, re.DOTALL)[1])["plugins"]["settings"]
    dispatcher = Dispatcher(coffee, timeout_s=10, publish=lambda event: None)
    await dispatcher.startup(lambda plugin: jarvis(plugin, tmp_path / "state", settings[plugin]))

    answers = [
        (await dispatcher.first("handle_command", transcript=Transcript("One coffee, please"), turn=TURN)).value
        for _ in range(4)
    ]
    assert answers[2:] == ["That is number 3.", "That is number 4. Enough!"]
    assert await dispatcher.first("handle_command", transcript=Transcript("tea"), turn=TURN) is None
    assert await dispatcher.collect("report_status") == {"coffee": "4 cups so far"}
    assert dispatcher.plugins()[0].state == "active"


async def test_hook_startup(tmp_path):
    asked = []

    async def ask(text, language):
        asked.append((text, language))
        return Answer("42", "en", "small")

    class Curious:
        @hookimpl
        async def startup(self, jarvis: Jarvis) -> None:
            self.settings = jarvis.settings
            self.languages = jarvis.languages
            self.answer = await jarvis.ask("what is six times seven")

    curious = Curious()
    dispatcher = dispatcher_of(curious=curious)
    await dispatcher.startup(lambda plugin: jarvis(plugin, tmp_path, {"colour": "blue"}, ask))

    assert (dict(curious.settings), curious.languages) == ({"colour": "blue"}, ("es", "en"))
    assert curious.answer.text == "42"
    assert asked == [("what is six times seven", None)]
    with pytest.raises(TypeError):
        curious.settings["colour"] = "red"


def test_a_plugins_folder_is_its_own_and_private(tmp_path):
    folder = jarvis("coffee", tmp_path / "plugins").state_dir
    assert folder == tmp_path / "plugins" / "coffee"
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_hook_shutdown():
    ended = []

    class Ends:
        @hookimpl
        def shutdown(self) -> None:
            ended.append(True)

    await dispatcher_of(ends=Ends()).shutdown()
    assert ended == [True]


async def test_hook_handle_command():
    class Echo:
        @hookimpl
        async def handle_command(self, transcript: Transcript, turn: Turn) -> str:
            return f"{turn.source}: {transcript.text}"

    given = await dispatcher_of(echo=Echo()).first("handle_command", transcript=Transcript("hello"), turn=TURN)
    assert (given.plugin, given.value) == ("echo", "cli: hello")


async def test_hook_revise_transcript():
    class Lower:
        @hookimpl
        def revise_transcript(self, transcript: Transcript, turn: Turn) -> Transcript:
            return replace(transcript, text=transcript.text.lower())

    revised = await dispatcher_of(lower=Lower()).fold("revise_transcript", Transcript("LOUD", "en"), turn=TURN)
    assert revised == Transcript("loud", "en")


async def test_hook_on_event():
    heard = []

    class Ears:
        @hookimpl
        def on_event(self, event: object) -> None:
            heard.append(event)

    event = ListeningChanged(listening=True, detail="microphone")
    await dispatcher_of(ears=Ears()).notify("on_event", event=event)
    assert heard == [event]


async def test_hook_report_status():
    class Fine:
        @hookimpl
        def report_status(self) -> str:
            return "fine"

    assert await dispatcher_of(fine=Fine()).collect("report_status") == {"fine": "fine"}


async def test_hook_register_tools():
    tool = Tool("dice", "Throws dice.", {"type": "object"}, lambda arguments, context: ToolResult("4"))

    class Dice:
        @hookimpl
        def register_tools(self) -> tuple[Tool, ...]:
            return (tool,)

    assert await dispatcher_of(dice=Dice()).collect("register_tools") == {"dice": (tool,)}


def test_the_public_face_is_small():
    assert set(jarvisd.__all__) == {"Jarvis", "__version__", "hookimpl"}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert jarvisd.__version__ == project["version"]
