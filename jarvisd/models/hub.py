"""The Hugging Face hub, through huggingface_hub: what a model consists of, and the bytes of its files.

The one file that knows this package. It is imported when a model is asked for, and never in the daemon.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from jarvisd.errors import ModelError
from jarvisd.models.choose import RemoteFile
from jarvisd.secrets import places

TOKEN_SECRET = "hf-token"
SILENCE_LIMIT_S = 30.0
CHUNK_BYTES = 1 << 18


class HubUnreachable(ModelError):  # noqa: N818 - a state, which may pass by itself
    code = "hub_unreachable"


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model as the hub describes it at one commit."""

    repository: str
    revision: str
    licence: str
    gated: bool
    files: tuple[RemoteFile, ...]


class Hub:
    """`token`: a read token for models behind a login, None to do with what `hf auth login` left, or without.

    `address`: of the hub, by default what HF_ENDPOINT says, else huggingface.co. After `silence_limit_s` without a
    byte a connection counts as broken.
    """

    def __init__(
        self, token: str | None, address: str | None = None, *, silence_limit_s: float = SILENCE_LIMIT_S
    ) -> None:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # says which torch is installed, among other things
        try:
            import huggingface_hub
        except ImportError as error:
            raise ModelError(
                f"Models are fetched with huggingface_hub, which is not installed ({error}): run "
                f"{sys.executable} -m pip install 'jarvisd[models]'",
                code="not_installed",
            ) from error
        self._library = huggingface_hub
        self._silence_limit_s = silence_limit_s
        self._token = token or huggingface_hub.get_token()
        self._api = huggingface_hub.HfApi(address, library_name="jarvisd", library_version=version("jarvisd"))
        self.address = self._api.endpoint

    def describe(self, repository: str, revision: str | None = None) -> RemoteModel:
        """What the hub says of a model: its files with sizes and checksums. Raises ModelError, HubUnreachable."""
        with self._translated(repository):
            info = self._api.model_info(
                repository,
                revision=revision,
                files_metadata=True,
                token=self._token or False,
                timeout=self._silence_limit_s,
            )
            files = tuple(_remote_file(sibling) for sibling in info.siblings or ())
            model = RemoteModel(repository, str(info.sha), _licence(info), bool(info.gated), files)
        if model.gated and not self._token:
            raise ModelError(self._how_to_log_in(repository), code="gated")
        return model

    @contextmanager
    def opened(self, model: RemoteModel, path: str, offset_bytes: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The content of a file from `offset_bytes` on, or from the place, also given, that the server chose."""
        url = self._library.hf_hub_url(model.repository, path, revision=model.revision, endpoint=self.address)
        # Without compression: sizes and places are those of the file itself.
        headers = {"user-agent": f"jarvisd/{version('jarvisd')}", "accept-encoding": "identity"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        if offset_bytes:
            headers["range"] = f"bytes={offset_bytes}-"
        with self._translated(model.repository):
            session = self._library.get_session()
            with session.stream("GET", url, headers=headers, timeout=self._silence_limit_s) as response:
                self._library.hf_raise_for_status(response)
                begins = offset_bytes if response.status_code == 206 else 0
                yield begins, response.iter_bytes(CHUNK_BYTES)

    @contextmanager
    def _translated(self, repository: str) -> Iterator[None]:
        """The package's errors in our own words."""
        from huggingface_hub import errors

        # Its HTTP library is another one from version to version; the base of its own error tells which.
        transport_error: type[Exception] = errors.HfHubHTTPError.__bases__[0]
        try:
            yield
        except errors.GatedRepoError as error:
            raise ModelError(self._how_to_log_in(repository), code="gated") from error
        except errors.RepositoryNotFoundError as error:
            raise ModelError(
                f"The hub shows no model {repository}: look for its name at {self.address}/models. If it is a private "
                f"one, a token is needed, {places(TOKEN_SECRET)}.",
                code="unknown_model",
            ) from error
        except errors.RevisionNotFoundError as error:
            raise ModelError(f"{repository} has no such revision.", code="unknown_model") from error
        except errors.EntryNotFoundError as error:
            raise ModelError(f"A file of {repository} is gone from the hub: pull it again.", code="changed") from error
        except errors.OfflineModeIsEnabled as error:
            raise ModelError("HF_HUB_OFFLINE is set: unset it for this command.", code="offline") from error
        except errors.HfHubHTTPError as error:
            raise self._http_error(repository, error) from error
        except transport_error as error:
            raise HubUnreachable(f"The connection to {self.address} failed: {_one_line(error)}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{self.address} does not answer as a hub does ({_one_line(error)}): a proxy, a login page of the "
                "network, or a wrong HF_ENDPOINT?",
                code="hub_answer",
            ) from error

    def _http_error(self, repository: str, error: Any) -> ModelError:
        status = error.response.status_code
        if status == 401:
            return ModelError(
                f"The hub does not know the token: make a new one at {self.address}/settings/tokens and give it "
                f"{places(TOKEN_SECRET)}.",
                code="token",
            )
        if status == 403:
            return ModelError(self._how_to_log_in(repository), code="gated")
        if status == 429 or status >= 500:
            return HubUnreachable(f"{self.address} answers {status}; try again later.")
        return ModelError(f"{self.address} refuses {repository} with status {status}.", code="hub_answer")

    def _how_to_log_in(self, repository: str) -> str:
        page = f"{self.address}/{repository}"
        if self._token:
            return (
                f"{repository} is given only to those who accepted its licence, and the token's account did not, or "
                f"waits for approval: log in, accept it at {page} and pull again. A fine-grained token also needs the "
                f"right to read gated repositories ({self.address}/settings/tokens)."
            )
        return (
            f"{repository} is given only to those who accepted its licence. 1. Make an account and accept it at "
            f"{page} 2. Make a token with the right to read at {self.address}/settings/tokens 3. Give it as the "
            f"secret {TOKEN_SECRET}, {places(TOKEN_SECRET)}, and pull again."
        )


def _remote_file(sibling: Any) -> RemoteFile:
    if sibling.lfs:
        return RemoteFile(sibling.rfilename, int(sibling.lfs.size), f"sha256:{sibling.lfs.sha256}")
    return RemoteFile(sibling.rfilename, int(sibling.size), f"git:{sibling.blob_id}")


def _licence(info: Any) -> str:
    """The licence in the hub's short form; where that is "other", the name that the model's card gives."""
    card = info.card_data or {}
    short = card.get("license") or next((tag[8:] for tag in info.tags or () if tag.startswith("license:")), "")
    name = card.get("license_name") if short in {"", "other"} else None
    return str(name or (", ".join(short) if isinstance(short, list) else short) or "not stated")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
