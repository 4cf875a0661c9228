"""What every table of the configuration is made of: its base, its keys, and the types of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from jarvisd.types import Language


def _expand_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path} begins in a home folder that is not known; write the full path") from None


def _expand_model(place: str) -> str:
    return str(_expand_home(Path(place))) if place.startswith("~") else place


Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
# TOML has arrays and strings where Python has tuples and paths: these alone are converted.
Texts: TypeAlias = Annotated[tuple[str, ...], Field(strict=False)]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
Languages: TypeAlias = Annotated[tuple[Language, ...], Field(strict=False)]
FilePath: TypeAlias = Annotated[Path, Field(strict=False), AfterValidator(_expand_home)]
FilePaths: TypeAlias = Annotated[tuple[FilePath, ...], Field(strict=False)]
ModelPlace: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_expand_model)]


class Section(BaseModel):
    """A table of the file. Strict: true is not 1.0, and "5" is not 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_strip_whitespace=True, allow_inf_nan=False)


def key(default: Any, description: str, *, live: bool = False, **constraints: Any) -> Any:
    """A configuration key. `default=...` (Ellipsis) makes it mandatory.

    A key that is mandatory or unset by default has `examples=[...]`; the sample file shows the first.
    """
    extra: JsonDict | None = {"live": True} if live else None
    if isinstance(default, (list, dict)):
        return Field(
            default_factory=default.copy,
            description=description,
            json_schema_extra=extra,
            **constraints,
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)
