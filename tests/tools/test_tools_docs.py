"""The example of docs/tools.md works."""

import asyncio
import re
import tomllib
from pathlib import Path

from jarvisd.config import Config
from jarvisd.hooks.dispatch import Dispatcher
from jarvisd.hooks.load import load_plugins
from tests.fakes.tools import call, context, toolbox_of

DOCS = (Path(__file__).parents[2] / "docs" / "tools.md").read_text("utf-8")


def test_the_example_of_a_server_is_valid():
    example = next(block for block in re.findall(r"```toml\n(.+?)```", DOCS, re.DOTALL) if "[mcp." in block)
    server = Config.model_validate(tomllib.loads(example)).mcp["shopping"]
    assert (server.allow, server.acts, server.dangerous) == (("list_items",), ("add_item",), ("place_order",))


def example(folder):
    (folder / "gate.py").write_text(re.search(r"```python\n(.+?)```", DOCS, re.DOTALL)[1])
    (folder / "gate.py").chmod(0o644)
    return load_plugins(folder, packaged=())


async def test_the_example_of_a_plugin_works(tmp_path):
    loaded = await asyncio.to_thread(example, tmp_path)
    offered = await Dispatcher(loaded, timeout_s=10, publish=lambda event: None).collect("register_tools")
    async with toolbox_of(*offered["gate"]) as toolbox:
        refused = await toolbox.call(call("open_gate"), context("¿está abierta la verja?", "es"), private=False)
        assert (refused.question, refused.result.failed) == (None, True)
        asked = await toolbox.call(call("open_gate"), context("abre la verja", "es"), private=False)
        assert asked.question.startswith("Me has pedido: abre la verja")
        assert await toolbox.hear(context("sí, confirmo", "es")) == "Hecho."
