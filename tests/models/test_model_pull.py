"""Fetching from a hub that breaks off, lies, refuses, or is not there."""

import json
import random
import threading

import pytest

from jarvisd.config import HouseConfig
from jarvisd.errors import ModelError
from jarvisd.models import pull, store
from jarvisd.models.catalogue import Target
from jarvisd.models.hub import Hub, HubUnreachable
from tests.fakes.hub import TOKEN, FakeHub, fake_hub

REPOSITORY = "house/voice"
WEIGHTS = random.Random(1).randbytes(3_000_000)
FILES = {"model.bin": WEIGHTS, "config.json": b'{"a": 1}', "sub/vocabulary.txt": b"words\n", "logo.png": b"png"}


class Told:
    """What a person would see."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.why: list[str] = []
        self.bytes = 0

    def begin(self, file, present_bytes):
        self.seen.append((file.path, present_bytes))

    def advance(self, count):
        self.bytes += count

    def again(self, why, present_bytes):
        self.why.append(why)

    def end(self, file):
        self.seen.append((f"{file.path} whole", file.size_bytes))


@pytest.fixture
def server(monkeypatch) -> FakeHub:
    for variable in ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with fake_hub() as hub:
        hub.add(REPOSITORY, FILES)
        yield hub


def fetch(server, models, *, token=None, told=None, sleep=lambda pause_s: None, **how) -> pull.Plan:
    hub = Hub(token, server.address)
    plan = pull.make_plan(Target(REPOSITORY), hub, models, **how)
    pull.fetch(plan, hub, told or Told(), sleep=sleep)
    return plan


def on_disk(folder) -> dict[str, bytes]:
    own = {store.RECORD, store.LOCK}
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in own)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_a_model_becomes_a_plain_folder_with_a_record(server, tmp_path):
    plan = fetch(server, tmp_path)
    assert plan.folder == tmp_path / "house/voice"
    assert on_disk(plan.folder) == {name: content for name, content in FILES.items() if name != "logo.png"}
    model = store.look_at(REPOSITORY, tmp_path)
    assert (model.complete, model.record.licence, model.record.revision) == (True, "apache-2.0", "a" * 40)
    assert model.record.bytes_per_s > 0
    assert pull.usual_rate(tmp_path) == (model.record.bytes_per_s, True)
    assert store.verify(model) == {}


def test_the_plan_has_the_sizes_and_writes_nothing(server, tmp_path):
    plan = pull.make_plan(Target(REPOSITORY), Hub(None, server.address), tmp_path)
    assert plan.total_bytes == plan.todo_bytes == len(WEIGHTS) + 14
    assert list(tmp_path.iterdir()) == []


def test_what_is_whole_is_not_fetched_again(server, tmp_path):
    fetch(server, tmp_path)
    asked, told = len(server.asked), Told()
    plan = fetch(server, tmp_path, told=told)
    assert (plan.todo_bytes, told.seen, len(server.asked)) == (0, [], asked + 1)


def test_after_a_broken_connection_it_goes_on_where_it_was(server, tmp_path):
    server.cuts, told, pauses = 2, Told(), []
    plan = fetch(server, tmp_path, told=told, sleep=pauses.append)
    assert on_disk(plan.folder)["model.bin"] == WEIGHTS
    first, second, third = (headers.get("range") for headers in server.asked_for("/cdn/"))
    assert first is None
    assert 0 < int(second[6:-1]) < int(third[6:-1]) < len(WEIGHTS)
    assert told.bytes == len(WEIGHTS) + 14
    assert len(told.why) == 2
    assert pauses == [pull.PAUSES_S[0]] * 2  # each time something new had come


def test_a_connection_that_stays_broken_is_given_up_and_continued_by_the_next_pull(server, tmp_path):
    def breaks_down(pause_s):
        server.down = True

    server.cuts = 1
    with pytest.raises(HubUnreachable, match=r"answers 503; try again later\. What was fetched is kept"):
        fetch(server, tmp_path, sleep=breaks_down)
    server.down = False
    present = store.look_at(REPOSITORY, tmp_path)
    assert [file.path for file in present.missing] == ["model.bin"]
    begun = store.bytes_present(present.folder, present.missing[0])
    assert begun > 0
    told = Told()
    plan = fetch(server, tmp_path, told=told)
    assert plan.present_bytes == begun + 14
    assert told.seen == [("model.bin", begun), ("model.bin whole", len(WEIGHTS))]
    assert server.asked_for("/cdn/")[-1]["range"] == f"bytes={begun}-"
    assert on_disk(plan.folder)["model.bin"] == WEIGHTS


def test_a_server_that_falls_silent_counts_as_a_broken_connection(server, tmp_path):
    def speaks_again(pause_s):
        server.hang.set()
        server.hang = None

    server.hang, told = threading.Event(), Told()
    hub = Hub(None, server.address, silence_limit_s=0.3)
    plan = pull.make_plan(Target(REPOSITORY), hub, tmp_path)
    pull.fetch(plan, hub, told, sleep=speaks_again)
    assert on_disk(plan.folder)["model.bin"] == WEIGHTS
    assert len(told.why) == 1
    assert "range" in server.asked_for("/cdn/")[-1]


def test_a_server_that_cannot_continue_begins_anew(server, tmp_path):
    server.cuts, server.no_ranges, told = 1, True, Told()
    plan = fetch(server, tmp_path, told=told)
    assert on_disk(plan.folder)["model.bin"] == WEIGHTS
    assert "The server begins anew" in told.why


def test_wrong_bytes_are_not_kept(server, tmp_path):
    server.wrong_bytes = True
    with pytest.raises(ModelError, match=r"model\.bin of house/voice came damaged"):
        fetch(server, tmp_path)
    assert "model.bin" not in " ".join(on_disk(tmp_path / REPOSITORY))
    server.wrong_bytes = False
    assert on_disk(fetch(server, tmp_path).folder)["model.bin"] == WEIGHTS


def test_a_file_damaged_on_disk_is_named_and_fetched_anew(server, tmp_path):
    folder = fetch(server, tmp_path).folder
    (folder / "model.bin").write_bytes(WEIGHTS[:-1] + b"?")
    (folder / "config.json").unlink()
    assert store.verify(store.look_at(REPOSITORY, tmp_path)) == {"config.json": "missing", "model.bin": "damaged"}
    told = Told()
    fetch(server, tmp_path, told=told)
    assert [path for path, _ in told.seen if path.endswith("whole")] == ["config.json whole", "model.bin whole"]
    assert store.verify(store.look_at(REPOSITORY, tmp_path)) == {}


def test_a_new_version_brings_what_changed_and_only_that(server, tmp_path):
    folder = fetch(server, tmp_path).folder
    changed = b"?" + WEIGHTS[1:]
    server.add(REPOSITORY, FILES | {"model.bin": changed}, revision="b" * 40)
    told = Told()
    fetch(server, tmp_path, told=told)
    assert [path for path, _ in told.seen] == ["model.bin", "model.bin whole"]
    assert on_disk(folder)["model.bin"] == changed
    assert store.look_at(REPOSITORY, tmp_path).record.revision == "b" * 40


def test_a_second_quantisation_joins_the_first(server, tmp_path):
    server.add(REPOSITORY, {"m-Q4_K_M.gguf": b"GGUF4", "m-Q8_0.gguf": b"GGUF8"})
    fetch(server, tmp_path)
    fetch(server, tmp_path, wanted=["m-Q8_0.gguf"])
    model = store.look_at(REPOSITORY, tmp_path)
    assert {file.path for file in model.record.files} == {"m-Q4_K_M.gguf", "m-Q8_0.gguf"}
    assert model.complete


def test_only_one_command_at_a_time_works_on_a_model(server, tmp_path):
    with store.locked(tmp_path / REPOSITORY), pytest.raises(ModelError, match="Another command is at work") as busy:
        fetch(server, tmp_path)
    assert busy.value.code == "busy"


def test_a_model_that_does_not_fit_on_the_disk_is_refused_with_the_numbers(server, tmp_path):
    server.add(REPOSITORY, FILES, claimed={"model.bin": 10**15})
    plan = pull.make_plan(Target(REPOSITORY), Hub(None, server.address), tmp_path / "not/there/yet")
    with pytest.raises(
        ModelError, match=r"1000\.0 TB are to be fetched and 537 MB should stay free, but .* left"
    ) as full:
        pull.check_disk([plan], tmp_path / "not/there/yet")
    assert full.value.code == "disk_full"
    assert not (tmp_path / "not").exists()


def test_a_gated_model_says_where_its_licence_is_accepted_and_how_the_token_is_given(server, tmp_path):
    server.add(REPOSITORY, FILES, access="gated")
    page = f"{server.address}/{REPOSITORY}"
    with pytest.raises(ModelError, match=r"1\. .* 2\. .* 3\. .*hf-token.*JARVISD_HF_TOKEN_FILE") as gated:
        fetch(server, tmp_path)
    assert page in gated.value.message
    with pytest.raises(ModelError, match="the token's account did not") as refused:
        fetch(server, tmp_path, token=TOKEN)
    assert page in refused.value.message
    with pytest.raises(ModelError, match="does not know the token") as wrong:
        fetch(server, tmp_path, token="hf_wrong")
    assert [error.value.code for error in (gated, refused, wrong)] == ["gated", "gated", "token"]


def test_the_token_goes_to_the_hub_and_to_nobody_else(server, tmp_path):
    server.add(REPOSITORY, FILES, access="token")
    assert on_disk(fetch(server, tmp_path, token=TOKEN).folder)["model.bin"] == WEIGHTS
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for headers in server.asked_for("/resolve/"))
    assert [headers.get("authorization") for headers in server.asked_for("/cdn/")] == [None]


@pytest.mark.parametrize(
    ("target", "how", "said"),
    [
        ("house/nothing", {}, "The hub shows no model house/nothing"),
        (REPOSITORY, {"revision": "v9"}, "house/voice has no such revision"),
        (REPOSITORY, {"wanted": ["other.bin"]}, "house/voice: No weight file is called other.bin"),
    ],
)
def test_what_the_hub_does_not_have_is_said(server, tmp_path, target, how, said):
    with pytest.raises(ModelError) as refused:
        pull.make_plan(Target(target), Hub(None, server.address), tmp_path, **how)
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize("path", ["../../evil.bin", "/evil.json", "sub/../../evil.bin"])
def test_a_file_that_leads_out_of_the_folder_is_refused(server, tmp_path, path):
    server.add(REPOSITORY, FILES, unsafe=(path,))
    with pytest.raises(ModelError, match="leads out of the model's folder"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_something_that_is_no_hub_is_told_from_one(server, tmp_path):
    server.not_a_hub = True
    with pytest.raises(ModelError, match="does not answer as a hub does"):
        fetch(server, tmp_path)


def test_without_a_network_it_says_so(tmp_path):
    with pytest.raises(HubUnreachable, match=r"The connection to http://127\.0\.0\.1:9 failed"):
        Hub(None, "http://127.0.0.1:9").describe(REPOSITORY)


def test_a_damaged_record_is_told_and_the_next_pull_writes_it_anew(server, tmp_path):
    folder = fetch(server, tmp_path).folder
    (folder / store.RECORD).write_text(json.dumps({"files": [{"path": "../x", "size_bytes": 1, "digest": "git:1"}]}))
    found = store.look_at(REPOSITORY, tmp_path)
    assert (found.record, found.complete) == (None, False)
    assert "is damaged; pull the model again" in found.fault
    with pytest.raises(ModelError, match="cannot be verified"):
        store.verify(found)
    fetch(server, tmp_path)
    assert store.look_at(REPOSITORY, tmp_path).complete


def test_a_model_is_removed_with_its_organisation_when_it_was_the_last(server, tmp_path):
    fetch(server, tmp_path)
    store.remove(store.look_at(REPOSITORY, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_looked_into_is_told(tmp_path):
    assert store.readable_models_dir(HouseConfig(state_dir=tmp_path)) == tmp_path / "models"
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match=r"models cannot be read \(Not a directory\).*as root"):
        store.readable_models_dir(HouseConfig(state_dir=tmp_path))


def test_folders_of_ones_own_are_shown_as_such(tmp_path):
    (tmp_path / "my/model").mkdir(parents=True)
    (found,) = store.installed(tmp_path)
    assert (found.repository, found.fault) == ("my/model", "not put here by `jarvisd models pull`")


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (123_456, "123 kB"), (9.4e9, "9.4 GB")]
)
def test_sizes_are_readable(count, shown):
    assert pull.size(count) == shown
