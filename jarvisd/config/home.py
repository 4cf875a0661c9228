"""The table for Home Assistant."""

from __future__ import annotations

from pydantic import model_validator

from jarvisd.config.checks import check_url
from jarvisd.config.section import FilePath, Name, Section, Texts, key


class HomeConfig(Section):
    """Home Assistant. Without a url the daemon runs without it."""

    url: str | None = key(
        None,
        "Address of Home Assistant, as in a browser; unset: no home control.",
        min_length=1,
        examples=["http://homeassistant.local:8123"],
    )
    token_credential: Name = key("home-assistant-token", "Name of the secret with a long-lived access token.")
    ca_file: FilePath | None = key(
        None,
        "Certificate authority, for an https:// address with a certificate of your own.",
        examples=["/etc/jarvisd/home-ca.pem"],
    )
    timeout_s: float = key(
        1.5,
        "If Home Assistant has not said within this time whether a sentence is for it, the models are asked.",
        live=True,
        gt=0,
        le=10,
    )
    confirm_s: float = key(
        2.5,
        "So long a device may take to show what it was told; after it jarvisd says that it does not respond.",
        live=True,
        ge=0.2,
        le=15,
    )
    allow_actions: bool = key(
        True, "Devices may be operated. false: questions about the house are answered, nothing is switched.", live=True
    )
    own_sentences: bool = key(
        True,
        "Sentences that you taught Home Assistant yourself (sentence triggers, custom_sentences) may act, too. "
        "What they do cannot be read back.",
        live=True,
    )
    more_intents: Texts = key(
        (),
        "Home Assistant's intents that may act besides those for devices, such as HassShoppingListAddItem. "
        "What they do cannot be read back.",
        live=True,
    )
    dangerous: Texts = key(
        (),
        "Entities that need a confirmation, besides locks, alarms, valves, doors, gates and garages.",
        live=True,
        examples=[("switch.boiler",)],
    )

    @model_validator(mode="after")
    def _url_is_http(self) -> HomeConfig:
        if self.url is not None:
            check_url(self.url, ("http", "https"))
        return self
