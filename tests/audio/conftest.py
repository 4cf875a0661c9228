import os
from pathlib import Path

import pytest

from jarvisd.audio.listener import ListeningModels


@pytest.fixture(scope="session")
def models():
    """The packaged models, loaded once."""
    with ListeningModels(["hey_jarvis", "alexa"]) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def extra_audio() -> Path:
    """Recordings of people, where somebody has them."""
    folder = os.environ.get("JARVISD_EXTRA_DATA")
    if not folder:
        pytest.skip("JARVISD_EXTRA_DATA is not set")
    return Path(folder) / "audio"
