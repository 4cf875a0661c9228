"""`jarvisd models`: the models on disk, and those that the configuration needs."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import click

from jarvisd.cli import models_screen as screen
from jarvisd.cli.run import Invocation
from jarvisd.config import Config
from jarvisd.control.client import request_status
from jarvisd.errors import ControlError, ModelError
from jarvisd.models import catalogue, choose, pull, store
from jarvisd.models.hub import TOKEN_SECRET, Hub
from jarvisd.paths import find_control_socket
from jarvisd.secrets import read_secret

_AT_WORK = {"starting", "ready", "asleep", "stopping"}


@click.group()
def models() -> None:
    """List, fetch, verify and remove models.

    They lie as plain folders below the state folder: models/ORGANISATION/NAME.
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def list_models(invocation: Invocation, as_json: bool) -> None:
    """List the models that are here or needed: size, licence, and who uses them."""
    config = invocation.load().config
    folder = store.readable_models_dir(config.house)
    found = [screen.row(model, config, folder) for model in store.installed(folder)]
    here = {row["model"] for row in found}
    needs = catalogue.wanted(config, folder)
    found += [screen.absent_row(need) for need in needs if need.repository not in here]
    if as_json:
        categories = {
            name: [need.engine for need in group] for name, group in catalogue.categories(config, needs).items()
        }
        report = {"folder": str(folder), "models": found, "categories": categories}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        screen.listing(folder, found, catalogue.categories(config, needs))


@models.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--file", "files", multiple=True, help="Only these weight files (a name or a pattern with *).")
@click.option("--revision", help="A branch, tag or commit instead of the newest.")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched, and end.")
@click.pass_obj
def pull_models(
    invocation: Invocation, names: tuple[str, ...], files: tuple[str, ...], revision: str | None, dry_run: bool
) -> None:
    """Fetch models from the Hugging Face hub, or continue where that was interrupted.

    NAME is a model as the hub calls it (organisation/name), an engine or a tier of the configuration, a Whisper size
    such as large-v3-turbo, or a category: asr, embed, llm-gpu1, llm-gpu2 (in the order in which the tiers name the
    cards), llm-cpu, all.
    """
    config = invocation.load().config
    folder = store.readable_models_dir(config.house)
    targets = list(dict.fromkeys(one for name in names for one in catalogue.targets(name, config, folder)))
    hub = Hub(read_secret(TOKEN_SECRET))
    plans = [pull.make_plan(target, hub, folder, wanted=files, revision=revision) for target in targets]
    screen.plans(plans, *pull.usual_rate(folder))
    if dry_run:
        return
    pull.check_disk(plans, folder)
    for plan in plans:
        try:
            with screen.progress(plan) as told:
                pull.fetch(plan, hub, told)
        except KeyboardInterrupt:
            chosen = [part for file in files for part in ("--file", file)]
            chosen += ["--revision", revision] if revision else []
            screen.interrupted(
                plan, shlex.join(["jarvisd", *invocation.arguments(), "models", "pull", *chosen, *names])
            )
            raise
        screen.pulled(plan, _hint(config, folder, plan))
    left_out = [need for name in names for need in catalogue.not_on_hub(name, config, folder)]
    if absent := [need for need in left_out if not Path(need.place).exists()]:
        faults = "\n".join(f"  engines.{need.engine}: {need.obstacle}" for need in dict.fromkeys(absent))
        raise ModelError(f"Not fetched:\n{faults}", code="not_on_hub")


def _hint(config: Config, folder: Path, plan: pull.Plan) -> str:
    """What the configuration should say, where it does not lead to the fetched files already."""
    path = plan.folder
    weights = [name for name in choose.gguf_variants(plan.files) if name.endswith(".gguf")]
    if weights:
        path /= weights[0]
    needs = [need for need in catalogue.wanted(config, folder) if need.repository == plan.model.repository]
    if any(need.place == str(path) or need.kind == "whisper" for need in needs):
        return ""
    return f'model = "{path}"'


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.pass_obj
def verify_models(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Read every file again and hold it against its checksum; without NAME, of all models here."""
    config = invocation.load().config
    folder = store.readable_models_dir(config.house)
    chosen = _here(names, config, folder) if names else [m for m in store.installed(folder) if m.record]
    good = True
    for model in chosen:
        with screen.reading(model) as advance:
            wrong = store.verify(model, advance)
        screen.verified(model, wrong)
        good = good and not wrong
    if not chosen:
        click.echo(f"There are no models in {folder}.", err=True)
    raise SystemExit(0 if good else 1)


@models.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_models(invocation: Invocation, names: tuple[str, ...], yes: bool) -> None:
    """Delete models from the disk. One that the running daemon uses is refused."""
    config = invocation.load().config
    folder = store.readable_models_dir(config.house)
    chosen = _here(names, config, folder)
    working = _engines_at_work(config)
    for model in chosen:
        users = {need.engine for need in catalogue.wanted(config, folder) if need.repository == model.repository}
        if users & working:
            raise ModelError(
                f"{model.repository} is in use by the engine {', '.join(sorted(users & working))} of the running "
                "daemon: stop it, or take the engine out of the configuration, first.",
                code="in_use",
            )
    for model in chosen:
        question = f"Delete {model.repository} ({pull.size(model.size_bytes)}) from {model.folder}?"
        if yes or click.confirm(question):
            freed = pull.size(model.size_bytes)
            store.remove(model)
            click.echo(f"Deleted {model.repository}: {freed} are free again.")


def _here(names: tuple[str, ...], config: Config, folder: Path) -> list[store.Installed]:
    """The models that were named, whole or not. Raises ModelError for one that is not here."""
    targets = dict.fromkeys(one.repository for name in names for one in catalogue.targets(name, config, folder))
    found = [store.look_at(repository, folder) for repository in targets]
    for model in found:
        if not model.folder.is_dir():
            raise ModelError(f"{model.repository} is not in {folder}; `jarvisd models list` shows what is.")
    return found


def _engines_at_work(config: Config) -> set[str]:
    """The engines that the running daemon has loaded or is loading; none without a daemon."""
    try:
        status = asyncio.run(request_status(find_control_socket(config.house)))
    except ControlError as error:
        if error.code == "not_running":
            return set()
        raise
    return {engine["name"] for engine in status["engines"] if engine["state"] in _AT_WORK}
