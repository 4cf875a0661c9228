"""The table for Home Assistant."""

import pytest
from pydantic import ValidationError

from jarvisd.config import Config


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("homeassistant.local:8123", "must begin with http"),
        ("ws://home.lan:8123", "must begin with http"),
        ("http://", "names no host"),
        ("http://user:secret@home.lan", "must not carry"),
        ("", "at least 1 character"),
    ],
)
def test_addresses_that_lead_nowhere_are_faults(url, fault):
    with pytest.raises(ValidationError, match=fault):
        Config.model_validate({"home": {"url": url}})


def test_without_an_address_there_is_no_home_assistant():
    assert Config().home.url is None
    assert Config.model_validate({"home": {"url": "https://home.lan"}}).home.url == "https://home.lan"
