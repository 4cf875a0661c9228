"""Secrets come from three places and are shown in none."""

import pytest

from jarvisd.errors import ConfigError
from jarvisd.secrets import looks_secret, places, read_secret


@pytest.fixture
def everywhere(tmp_path):
    """An environment in which each place has a secret of its own."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/mqtt-password").write_text("from systemd\n")
    (tmp_path / "file").write_text("from a file\n")
    return {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "JARVISD_MQTT_PASSWORD_FILE": str(tmp_path / "file"),
        "JARVISD_MQTT_PASSWORD": "from a variable",
    }


def test_first_place_wins(everywhere):
    assert read_secret("mqtt-password", everywhere) == "from systemd"
    del everywhere["CREDENTIALS_DIRECTORY"]
    assert read_secret("mqtt-password", everywhere) == "from a file"
    del everywhere["JARVISD_MQTT_PASSWORD_FILE"]
    assert read_secret("mqtt-password", everywhere) == "from a variable"
    del everywhere["JARVISD_MQTT_PASSWORD"]
    assert read_secret("mqtt-password", everywhere) is None


def test_credential_that_is_not_there_leaves_the_other_places(everywhere, tmp_path):
    (tmp_path / "credentials/mqtt-password").unlink()
    assert read_secret("mqtt-password", everywhere) == "from a file"


@pytest.mark.parametrize(
    ("content", "secret"),
    [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("pässwörd", "pässwörd")],
)
def test_only_one_trailing_newline_goes(tmp_path, content, secret):
    (tmp_path / "s").write_bytes(content.encode())
    assert read_secret("key", {"JARVISD_KEY_FILE": str(tmp_path / "s")}) == secret


def test_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s").write_text("geheim")
    assert read_secret("key", {"JARVISD_KEY_FILE": "~/s"}) == "geheim"


def refusal(name, environ):
    with pytest.raises(ConfigError) as refused:
        read_secret(name, environ)
    assert "geheim" not in str(refused.value)
    return refused.value.message


def test_file_that_is_named_and_not_there(tmp_path):
    missing = tmp_path / "missing"
    message = refusal("key", {"JARVISD_KEY_FILE": str(missing), "JARVISD_KEY": "geheim"})
    assert message == f"$JARVISD_KEY_FILE: cannot read {missing}: No such file or directory"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"geheim\xff", "is not UTF-8 text"),
        (b"geheim" * 20_000, "is larger than 65536 bytes"),
    ],
)
def test_useless_files_are_named_and_not_shown(tmp_path, content, words):
    file = tmp_path / "key"
    file.write_bytes(content)
    message = refusal("key", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert words in message
    assert "the systemd credential key" in message
    assert str(file) in message


def test_folder_in_place_of_a_credential(tmp_path):
    (tmp_path / "key").mkdir()
    assert "Is a directory" in refusal("key", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize("name", ["", "../../etc/shadow", "Key", "a/b", "-a", "a" * 33])
def test_names_are_names(name, tmp_path):
    assert "small letters" in refusal(name, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_empty_variables_are_unset():
    environ = {"JARVISD_KEY": "", "JARVISD_KEY_FILE": "", "CREDENTIALS_DIRECTORY": ""}
    assert read_secret("key", environ) is None


def test_reads_the_environment_of_now(monkeypatch):
    monkeypatch.setenv("JARVISD_WEATHER_TOKEN", "geheim")
    assert read_secret("weather-token") == "geheim"


def test_places_in_words():
    assert places("mqtt-password") == (
        "as a systemd credential (LoadCredential=mqtt-password:FILE), "
        "in a file named by $JARVISD_MQTT_PASSWORD_FILE, or in $JARVISD_MQTT_PASSWORD"
    )


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("password", True),
        ("api_key", True),
        ("apiKey", True),
        ("API-KEY", True),
        ("HF_TOKEN", True),
        ("client_secret", True),
        ("aws_secret_access_key", True),
        ("password_credential", False),
        ("api_key_file", False),
        ("max_tokens", False),
        ("keyboard", False),
        ("key", False),
        ("secretary", False),
    ],
)
def test_what_looks_like_a_secret(key, secret):
    assert looks_secret(key) is secret
