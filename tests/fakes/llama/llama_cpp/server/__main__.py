"""A fake `python -m llama_cpp.server`: real arguments, real HTTP, no model. Put tests/fakes/llama on PYTHONPATH.

Unless it is told --interrupt_requests False, it ends its answers in the middle, as the real one does when the next
question comes.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from model_server import Server


def yes_or_no(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--model_alias")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--n_ctx", type=int, default=2048)
    parser.add_argument("--n_threads", type=int, default=os.cpu_count())
    parser.add_argument("--n_threads_batch", type=int, default=os.cpu_count())
    parser.add_argument("--n_gpu_layers", type=int, default=0)
    parser.add_argument("--interrupt_requests", type=yes_or_no, default=True)
    parser.add_argument("--verbose", type=yes_or_no, default=True)
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    told = {name: str(value) for name, value in vars(options).items()}
    told["omp"] = os.environ.get("OMP_WAIT_POLICY", "unset")
    text = " ".join(f"{name}={value}" for name, value in sorted(told.items()))
    server = Server(
        argparse.Namespace(
            misbehave=["silent-truncation"] if options.interrupt_requests else [],
            text=text, tokens=0, token_delay=0.0, model=options.model_alias, good_requests=0, after=0.0,
        )
    )  # fmt: skip
    async with await asyncio.start_server(server.connected, options.host, options.port) as listening:
        await listening.serve_forever()


options = arguments()
if not Path(options.model).is_file():
    sys.exit(f"ValueError: Model path does not exist: {options.model}")
asyncio.run(serve(options))
