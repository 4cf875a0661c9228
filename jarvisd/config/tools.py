"""The tables about functions that models may call: what holds for all of them, and servers that offer some."""

from __future__ import annotations

from pydantic import model_validator

from jarvisd.config.checks import check_url
from jarvisd.config.section import Name, Section, Texts, key


class ToolsConfig(Section):
    """Functions that language models may call (tiers with tools = true)."""

    deny: Texts = key((), "Names of tools that are never offered, whoever brings them.", live=True)
    rounds: int = key(3, "So often a model may call tools in one answer; then it must say something.", ge=1, le=10)
    limit_s: float = key(20.0, "No more calls begin after so much time in one answer.", gt=0, le=300)
    call_timeout_s: float = key(8.0, "A call that takes longer has failed.", gt=0, le=120)
    max_result_characters: int = key(4000, "Longer results are cut before a model reads them.", ge=200, le=100_000)
    confirm_within_s: float = key(
        30.0, "So long a dangerous action (lock, garage, alarm) waits for the person's yes.", gt=0, le=300
    )
    pin_credential: Name | None = key(
        None,
        "Secret with a PIN (4 to 12 digits) that must be said for dangerous actions; unset: a yes is enough.",
        examples=["house-pin"],
    )


class McpConfig(Section):
    """A server of the Model Context Protocol: a program that jarvisd starts (argv), or an address (url).

    Needs the extra jarvisd[mcp]. Nothing of it is offered to a model that is not listed here by name.
    """

    argv: Texts = key((), "The program and its arguments; it speaks on its standard input and output.")
    url: str | None = key(
        None, "Or the address of a server that speaks streamable HTTP.", examples=["http://127.0.0.1:8001/mcp"]
    )
    allow: Texts = key((), 'Its tools that models may call and that only look; "*" for all that are not listed below.')
    acts: Texts = key((), "Its tools that change something: called only when the person's own words ask for it.")
    dangerous: Texts = key((), "Its tools that change something and need the person's confirmation each time.")
    words: dict[str, Texts] = key(
        {},
        "For a tool that acts, the words of which a person must say one; unset: taken from the tool's name.",
    )
    leaves_house: bool | None = key(
        None,
        "Whether it tells somebody outside what it is asked: its tools are then off in private turns. Unset: true for "
        "a url that is not this machine, false for a program. Say true for a program that asks the internet.",
        examples=[True],
    )
    call_timeout_s: float = key(6.0, "A call that takes longer has failed; two in a row restart the connection.", gt=0)
    start_timeout_s: float = key(30.0, "Not ready after so long means failed; it is tried again later.", gt=0)
    env: dict[str, str] = key({}, "Environment variables of the program, which gets little more than PATH and HOME.")
    env_credentials: dict[str, Name] = key({}, "Environment variables of the program, each with the name of a secret.")
    token_credential: Name | None = key(
        None, "Name of the secret that a url gets as its bearer token.", examples=["mcp-token"]
    )

    @model_validator(mode="after")
    def _one_way_to_it(self) -> McpConfig:
        if bool(self.argv) == (self.url is not None):
            raise ValueError("argv: give either argv (a program) or url (an address)")
        if self.url is not None:
            check_url(self.url, ("http", "https"))
            if self.env or self.env_credentials:
                raise ValueError("env: has no meaning for a server that jarvisd does not start")
        elif self.token_credential is not None:
            raise ValueError("token_credential: has no meaning for a program; use env_credentials")
        named = [*self.allow, *self.acts, *self.dangerous]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"allow: {', '.join(twice)} stands in more than one list")
        if "*" in (*self.acts, *self.dangerous):
            raise ValueError('acts: "*" is for allow only; name each tool that changes something')
        return self
