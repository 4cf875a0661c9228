import importlib.metadata
import logging
import stat
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from jarvisd.hooks.load import load_plugins

HEAD = "from jarvisd import hookimpl\n"
GOOD = HEAD + "@hookimpl\ndef handle_command(transcript):\n    return 'fine'\n"


def write(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    path.write_text(dedent(source))
    path.chmod(0o644)
    return path


def only(folder: Path, **options):
    """What became of the plugin files of a folder, by name."""
    return {info.name: info for info in load_plugins(folder, packaged=(), **options).infos}


def test_a_file_of_the_folder_is_a_plugin(tmp_path):
    path = write(tmp_path, "weather.py", "__version__ = '1.2'\n" + GOOD)
    info = only(tmp_path)["weather"]
    assert (info.origin, info.version, info.hooks) == (str(path), "1.2", ("handle_command",))
    assert (info.state, info.error) == ("active", None)


def test_our_own_plugins_load_by_their_entry_points():
    infos = {info.name: info for info in load_plugins().infos}
    assert {"chance", "journal", "wake_phrase"} <= infos.keys()
    for name in ("chance", "journal", "wake_phrase"):
        assert (infos[name].state, infos[name].origin) == ("active", "jarvisd")
        assert infos[name].version == importlib.metadata.version("jarvisd")


FAULTS = {
    "raises.py": ("1 / 0\n", "ZeroDivisionError: division by zero (", "raises.py, line 1)"),
    "exits.py": ("raise SystemExit('no')\n", "SystemExit: no"),
    "not_python.py": ("def (:\n", "SyntaxError: invalid syntax (line 1)"),
    "missing.py": ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
    "typo.py": (
        HEAD + "@hookimpl\ndef handle_comand(transcript): ...\n",
        'there is no hook "handle_comand"; did you mean "handle_command"?',
    ),
    "argument.py": (
        HEAD + "@hookimpl\ndef handle_command(transcript, room): ...\n",
        'handle_command has no argument "room"; those offered: transcript, turn',
    ),
    "stars.py": (
        HEAD + "@hookimpl\ndef on_event(*arguments): ...\n",
        "on_event: name each argument that you want, without * or /",
    ),
    "position.py": (HEAD + "@hookimpl\ndef on_event(event, /): ...\n", "without * or /"),
    "wrapper.py": (
        HEAD + "@hookimpl(wrapper=True)\ndef on_event(event):\n    yield\n",
        "on_event is declared as a wrapper",
    ),
    "generator.py": (HEAD + "@hookimpl\ndef on_event(event):\n    yield\n", "on_event must return its result"),
    "no_hook.py": ("x = 1\n", "it implements no hook"),
    "unmarked.py": ("def on_event(event): ...\n", "it implements no hook; mark on_event with @hookimpl"),
    "no_object.py": (
        HEAD + "class Plugin:\n    def __init__(self): raise OSError('no device')\n",
        "OSError: no device",
    ),
    "Upper.py": (GOOD, "the file's name must be lower case"),
    "twolines.py": ("raise ValueError('first\\nsecond')\n", "ValueError: first (", "twolines.py, line 1)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_plugin_that_does_not_load_is_reported_and_the_rest_load(tmp_path, caplog, name):
    source, *expected = FAULTS[name]
    path = write(tmp_path, name, source)
    write(tmp_path, "good.py", GOOD)

    infos = only(tmp_path)

    assert infos["good"].state == "active"
    failed = infos[path.stem]
    assert (failed.state, failed.origin) == ("failed", str(path))
    for part in expected:
        assert part in failed.error
    assert "\n" not in failed.error
    assert f"Plugin {path.stem} from {path} is not loaded: {failed.error}" in caplog.text


def test_a_file_that_anybody_may_write_to_is_not_run(tmp_path):
    path = write(tmp_path, "open.py", "raise AssertionError('was run')\n")
    path.chmod(0o666)
    assert only(tmp_path)["open"].error == f"anybody may write to {path}; run `chmod o-w {path}`"

    path.chmod(0o644)
    tmp_path.chmod(tmp_path.stat().st_mode | stat.S_IWOTH)
    assert f"anybody may write to {tmp_path};" in only(tmp_path)["open"].error


def test_other_files_and_a_missing_folder_are_no_plugins(tmp_path, caplog):
    write(tmp_path, "_helper.py", "raise AssertionError('was run')\n")
    write(tmp_path, "notes.txt", "not a plugin\n")
    assert only(tmp_path) == {}
    assert only(tmp_path / "missing") == {}
    assert load_plugins(None, packaged=()).infos == ()
    assert caplog.records == []


def test_a_folder_that_is_none_is_said(tmp_path, caplog):
    path = write(tmp_path, "file", "")
    assert only(path) == {}
    assert f"Cannot look for plugins in {path}: Not a directory" in caplog.text


def test_disabled_plugins_are_not_imported(tmp_path):
    write(tmp_path, "bad.py", "raise AssertionError('was run')\n")
    assert only(tmp_path, disabled=["bad"])["bad"].state == "off"


def test_a_disabled_name_that_does_not_exist_is_said(tmp_path, caplog):
    write(tmp_path, "weather.py", GOOD)
    only(tmp_path, disabled=["wether"])
    assert "plugins.disabled names 'wether', but there is no such plugin; did you mean \"weather\"?" in caplog.text


def test_of_two_with_one_name_the_first_wins_and_it_is_said(tmp_path, caplog):
    entry_point = EntryPoint("chance", "jarvisd_plugins.chance", "jarvisd")
    path = write(tmp_path, "chance.py", "raise AssertionError('was run')\n")

    first, second = load_plugins(tmp_path, packaged=[entry_point]).infos

    assert (first.name, first.origin, first.state) == ("chance", "jarvisd_plugins.chance", "active")
    assert (second.name, second.origin, second.state) == ("chance", str(path), "failed")
    assert second.error == "the name is already taken by the one from jarvisd_plugins.chance"
    assert second.error in caplog.text


def test_an_entry_point_that_leads_nowhere_is_reported(tmp_path):
    nowhere = EntryPoint("nowhere", "no_such_package.plugin", "jarvisd")
    chance = EntryPoint("chance", "jarvisd_plugins.chance", "jarvisd")
    infos = {info.name: info for info in load_plugins(packaged=[nowhere, chance]).infos}
    assert infos["nowhere"].error == "ModuleNotFoundError: No module named 'no_such_package'"
    assert infos["chance"].state == "active"


def test_a_class_called_plugin_is_made_anew_for_each_daemon(tmp_path):
    write(
        tmp_path,
        "counter.py",
        """
        from dataclasses import dataclass
        from jarvisd import hookimpl

        @dataclass
        class Plugin:
            count: int = 0

            @hookimpl
            def handle_command(self):
                return "one"
        """,
    )
    first, second = (load_plugins(tmp_path, packaged=()).manager.get_plugin("counter") for _ in range(2))
    assert first.handle_command() == "one"
    assert first is not second


def test_functions_of_other_names_and_objects_without_hooks_do_not_matter(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    write(tmp_path, "good.py", "import os\nclass Helper: ...\nnumber = 3\n" + GOOD)
    assert only(tmp_path)["good"].hooks == ("handle_command",)
    assert caplog.records == []
