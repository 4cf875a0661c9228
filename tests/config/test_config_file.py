"""Finding, reading and refusing a configuration file."""

from pathlib import Path

import pytest

from jarvisd.config.file import default_places, load_config, profile_names
from jarvisd.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text, name="jarvisd.toml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def refusal(*arguments, **keywords):
    with pytest.raises(ConfigError) as refused:
        load_config(*arguments, **keywords)
    return refused.value


def faults(text, write):
    return list(refusal(write(text)).faults)


class TestWhere:
    def test_named_file(self, write):
        loaded = load_config(write('[house]\nnode = "attic"'), environ={"JARVISD_CONFIG": "/nowhere"})
        assert loaded.config.house.node == "attic"
        assert loaded.path is not None
        assert loaded.origin == "named on the command line"

    def test_variable_comes_before_the_usual_places(self, write):
        named, usual = write('[house]\nnode = "named"', "a.toml"), write('[house]\nnode = "usual"', "b.toml")
        loaded = load_config(environ={"JARVISD_CONFIG": str(named)}, places=[usual])
        assert (loaded.config.house.node, loaded.path) == ("named", named)
        assert "$JARVISD_CONFIG" in loaded.origin

    def test_first_place_that_has_one(self, write, tmp_path):
        first, second = write('[house]\nnode = "first"', "a.toml"), write('[house]\nnode = "second"', "b.toml")
        places = [tmp_path / "no-folder/x.toml", first, second]
        assert load_config(environ={}, places=places).config.house.node == "first"

    def test_system_before_user(self):
        assert default_places({"HOME": "/home/ana"}) == (
            Path("/etc/jarvisd/jarvisd.toml"),
            Path("/home/ana/.config/jarvisd/jarvisd.toml"),
        )
        assert default_places({"HOME": "/h", "XDG_CONFIG_HOME": "/c"})[1] == Path("/c/jarvisd/jarvisd.toml")
        assert default_places({}) == (Path("/etc/jarvisd/jarvisd.toml"),)

    def test_packaged_profile_where_there_is_none(self):
        loaded = load_config(environ={}, places=[])
        assert loaded.path is None
        assert loaded.config.transcription.engine == "pocketsphinx"
        assert loaded.origin == "profile:embedded, packaged, as there is no configuration file"

    def test_profile_by_name(self):
        assert load_config("profile:dual-gpu").config.conversation.tiers[:2] == ("strong", "fast")
        assert load_config(environ={"JARVISD_CONFIG": "profile:dual-gpu"}).path is None

    def test_unknown_profile_names_the_nearest(self):
        message = refusal("profile:dual_gpu").message
        assert "did you mean dual-gpu?" in message
        assert all(name in message for name in profile_names())


class TestUnreadable:
    def test_absent_file_says_who_named_it(self, tmp_path):
        missing = tmp_path / "missing.toml"
        assert "named on the command line, does not exist" in refusal(missing).message
        assert "named by $JARVISD_CONFIG, does not exist" in refusal(environ={"JARVISD_CONFIG": str(missing)}).message

    def test_folder(self, tmp_path):
        assert f"is a folder; name the file in it, such as {tmp_path}/jarvisd.toml" in refusal(tmp_path).message

    def test_fault_of_the_system(self):
        # A file that even root cannot read from its beginning.
        assert "/proc/self/mem, named on the command line, cannot be read: " in refusal("/proc/self/mem").message

    def test_not_utf8(self, write):
        message = refusal(write(b'[house]\nnode = "home"\n[audio]\nroom = "sal\xf3n"\n')).message
        assert message.endswith("jarvisd.toml:4: is not UTF-8 text; save the file as UTF-8")

    @pytest.mark.parametrize("text", ["", "\n \n"])
    def test_empty(self, write, text):
        assert "is empty" in refusal(write(text)).message

    def test_only_comments_means_the_defaults(self, write):
        assert load_config(write("# nothing yet\n")).config.audio.source == "none"

    def test_endless(self):
        assert "larger than" in refusal(Path("/dev/zero")).message

    def test_nested_without_end(self, write):
        assert "nested too deeply" in refusal(write("a = " + "[" * 100_000)).message

    def test_byte_order_mark_and_line_ends_of_windows(self, write):
        text = '\ufeff[house]\r\nnode = "attic"\r\n'
        assert load_config(write(text)).config.house.node == "attic"


class TestSyntax:
    @pytest.mark.parametrize(
        ("text", "place", "words"),
        [
            ("[wake]\nthreshold 0.5\n", "2:11", "Expected '='"),
            ("[wake]\nthreshold = high\n", "2:13", "quotation marks"),
            ("[wake\n", "1:6", "Expected ']'"),
            ("a = 1\na = 2\n", "2:6", "already set above"),
            ("[a]\n[a]\n", "2:3", "already there above"),
            ('a = "x\nb = 2\n', "1:7", "same line"),
            ("a = 1 b = 2\n", "1:7", "one key a line"),
            ("= 3\n", "1:1", "key ="),
            ('a = "\\d"\n', "1:8", "single quotation marks"),
            ("[wake]\nwords = [\n  'a',\n", "3:7", "expected a value"),
        ],
    )
    def test_says_where_and_what_was_expected(self, write, text, place, words):
        file = write(text)
        error = refusal(file)
        assert error.message.startswith(f"{file}:{place}: not valid TOML: ")
        assert words in error.message
        assert len(error.faults) == 1

    def test_shows_the_line(self, write):
        assert refusal(write("[wake]\n\tthreshold = high\n")).message.splitlines()[1:] == [
            "   threshold = high",
            "               ^",
        ]

    def test_never_shows_a_line_with_a_secret(self, write):
        assert "geheim" not in refusal(write("[mqtt]\npassword = geheim\n")).message

    def test_never_shows_a_line_without_end(self, write):
        assert len(refusal(write("a = " + "x" * 10_000)).message) < 300


class TestFaults:
    def test_all_at_once_with_their_paths(self, write):
        text = """
            [wake]
            treshold = 0.4
            words = "hey_jarvis"
            [mqtt]
            port = 70000
            [engines.asr]
            kind = "whisper"
            [tiers.fast]
            engine = "qwen"
        """
        assert faults(text, write) == [
            'wake.words: must be a list in square brackets, not "hey_jarvis"',
            "wake.treshold: unknown key; did you mean wake.threshold?",
            "engines.asr.model: is missing. Folder of a CTranslate2 Whisper model, or a name such as large-v3-turbo.",
            "mqtt.port: must be at most 65535, not 70000",
            "tiers.fast.engine: there is no [engines.qwen]",
        ]

    def test_message_counts_and_lists_them(self, write):
        error = refusal(write("[wake]\na = 1\nb = 2\n"))
        assert error.message.splitlines()[0].endswith("jarvisd.toml: 2 faults")
        assert len(error.message.splitlines()) == 3

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("[endpont]", "endpont: unknown section; did you mean endpoint?"),
            ("wak = 3", "wak: unknown key; did you mean wake?"),
            ("threshold = 0.4", "threshold: unknown key here; it belongs in [wake]"),
            ("[wake]\nsilence_s = 1", "wake.silence_s: unknown key here; it belongs in [endpoint]"),
            ("[log]\ncolour = true", "log.colour: unknown key; valid here: level"),
            ("wake = 3", "wake: must be a table, not 3"),
            ("[engines]\nasr = 3", "engines.asr: must be a table, not 3"),
            (
                '[log]\nlevel = "inf"',
                'log.level: must be "debug", "info", "warning" or "error", not "inf"; did you mean info?',
            ),
            ("[house]\nlanguages = ['en', 'fr']", 'house.languages[1]: must be "es" or "en", not "fr"'),
            ("[house]\nlanguages = ['fr']", 'house.languages[0]: must be "es" or "en", not "fr"'),
            ("[mqtt]\ntls = 'yes'", 'mqtt.tls: must be true or false, not "yes"'),
            ("[mqtt]\nkeepalive_s = 30.5", "mqtt.keepalive_s: must be a whole number, not 30.5"),
            ("[endpoint]\nsilence_s = nan", "endpoint.silence_s: must be a finite number, not NaN"),
            ("[endpoint]\nsilence_s = 2026-01-01", "endpoint.silence_s: must be a number, not 2026-01-01"),
            ("[audio]\nwav = [{}]", "audio.wav[0]: must be a path in quotation marks, not a table"),
            ("[audio]\nsource = 'wav'", 'audio.wav: source = "wav" needs at least one file or folder'),
            ("[wake]\nnear_miss = 0.6", "wake.near_miss: must be below wake.threshold, which is 0.5"),
            ("[wake]\nwords = []", "wake.words: must not be empty"),
            ("[mqtt]\nhost = ''", "mqtt.host: must not be empty"),
            (
                "[mqtt]\nbase_topic = 'a/#'",
                "mqtt.base_topic: must be a topic without +, # and empty parts, such as jarvisd or house/jarvisd",
            ),
            ("[plugins.settings]\nclock = 3", "plugins.settings.clock: must be a table, not 3"),
            (
                "[engines.a]\nkind = 'remote'\nurl = 'ftp://x'\nmodel = 'm'",
                "engines.a.url: must begin with http:// or https://",
            ),
            (
                "[engines.a]\nkind = 'wyoming'\nurl = 'tcp://x:1'\nenv = {}",
                "engines.a.env: has no meaning for an engine that jarvisd does not start",
            ),
            (
                "[engines.a]\nkind = 'whisper'\nmodel = 'm'\ndevice = '0'",
                "engines.a.device: must be auto, cpu or the UUID of a card, which `nvidia-smi -L` shows",
            ),
            (
                "[engines.a]\nkind = 'process'\nargv = ['a']\nurl = 'tcp://x:1'\ngpu = '1'",
                "engines.a.gpu: must be the UUID of a card, which `nvidia-smi -L` shows; its number changes",
            ),
        ],
    )
    def test_in_plain_words(self, write, text, fault):
        assert faults(text, write) == [fault]

    def test_unknown_kind_lists_the_valid_ones(self, write):
        (fault,) = faults("[engines.asr]\nkind = 'whispr'", write)
        assert fault.startswith(
            'engines.asr.kind: there is no kind "whispr"; did you mean whisper? It is one of "pocketsphinx", '
        )
        assert fault.endswith('"remote" or "wyoming"')

    def test_missing_kind_lists_them_too(self, write):
        (fault,) = faults("[engines.asr]", write)
        assert fault.startswith('engines.asr.kind: is missing; it is one of "pocketsphinx", ')

    def test_path_is_the_files_even_where_names_are_kinds(self, write):
        text = "[engines.whisper]\nkind = 'whisper'\nmodel = 3\nwhisper = 4"
        assert faults(text, write) == [
            "engines.whisper.model: must be text in quotation marks, not 3",
            "engines.whisper.whisper: unknown key; valid here: start_timeout_s, stop_timeout_s, demonstration, env, "
            "start, keep_alive_s, learn, pinned, gpu_memory_bytes, never_with, kind, model, device, compute_type, threads",
        ]

    def test_odd_names_are_quoted(self, write):
        (fault,) = faults("[engines.'My ASR']\nkind = 'pocketsphinx'", write)
        assert fault.startswith('engines."My ASR": must begin with a small letter')

    def test_references_are_checked_beside_other_faults_and_alone(self, write):
        dangling = "[transcription]\nengine = 'asr'\n"
        expected = "transcription.engine: there is no [engines.asr]"
        assert faults(dangling, write) == [expected]
        assert faults(f"{dangling}[log]\nlevel = 3", write)[-1] == expected

    def test_long_values_are_cut(self, write):
        (fault,) = faults(f"[log]\nlevel = '{'x' * 5000}'", write)
        assert len(fault) < 200


class TestInlineSecrets:
    @pytest.mark.parametrize(
        ("text", "path", "hint"),
        [
            ("[mqtt]\npassword = 'geheim'", "mqtt.password", "LoadCredential=mqtt-password:FILE"),
            (
                "[engines.cloud]\nkind = 'remote'\nurl = 'https://x'\nmodel = 'm'\napi_key = 'geheim'",
                "engines.cloud.api_key",
                'name it here: api_key_credential = "cloud-api-key"',
            ),
            (
                "[plugins.settings.weather]\ntoken = 'geheim'",
                "plugins.settings.weather.token",
                "$JARVISD_WEATHER_TOKEN",
            ),
            (
                "[plugins.settings.a]\nlist = [{ pass = 1, secret = 'geheim' }]",
                "plugins.settings.a.list[0].secret",
                "secret_credential",
            ),
            (
                "[engines.a]\nkind = 'pocketsphinx'\nenv = { HF_TOKEN = 'geheim' }",
                "engines.a.env.HF_TOKEN",
                "set $HF_TOKEN in the environment of jarvisd itself",
            ),
            ("API_KEY = 'geheim'", "API_KEY", "systemd credential"),
        ],
    )
    def test_refused_with_a_hint_and_never_shown(self, write, text, path, hint):
        error = refusal(write(text))
        (fault,) = error.faults
        assert fault.startswith(f"{path}: secrets do not belong in the configuration")
        assert hint in fault
        assert "geheim" not in error.message

    def test_secret_in_place_of_its_name_is_not_shown(self, write):
        (fault,) = faults("[mqtt]\npassword_credential = 'GEHEIM 1'", write)
        assert "GEHEIM" not in fault

    def test_names_that_only_sound_like_it(self, write):
        text = "[plugins.settings.a]\nmax_tokens = 3\ntoken_file = 'x'\nsecret = true\n"
        assert load_config(write(text)).config.plugins.settings["a"]["max_tokens"] == 3


class TestOverrides:
    def test_value_is_toml_or_plain_text(self, write):
        overrides = ["audio.source=none", "wake.threshold = 0.3", 'house.languages=["es"]', "audio.room=living room"]
        config = load_config(write("[wake]\nthreshold = 0.9"), overrides).config
        assert (config.audio.source, config.wake.threshold) == ("none", 0.3)
        assert (config.house.languages, config.audio.room) == (("es",), "living room")

    def test_makes_tables(self, write):
        overrides = ["engines.a.kind=pocketsphinx", "transcription.engine=a"]
        assert load_config(write("# empty"), overrides).config.engines["a"].kind == "pocketsphinx"

    def test_cannot_smuggle_in_a_second_key(self, write):
        config = load_config(write("# empty"), ["audio.room='a'\nwav=['b']"]).config
        assert config.audio.wav == ()
        assert config.audio.room == "'a'\nwav=['b']"

    @pytest.mark.parametrize("override", ["audio.source", "=3", "audio..source=none", ""])
    def test_malformed(self, write, override):
        assert "table.key=value" in refusal(write("# empty"), [override]).message

    def test_through_a_key(self, write):
        assert "source is a key, not a table" in refusal(write("[audio]\nsource='none'"), ["audio.source.x=1"]).message

    def test_faults_name_the_path(self, write):
        assert refusal(write("# empty"), ["wake.treshold=1"]).faults == (
            "wake.treshold: unknown key; did you mean wake.threshold?",
        )
