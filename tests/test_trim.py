import subprocess
import sys

SCRIPT = """
from pathlib import Path
from jarvisd.trim import give_back_loading_memory
from jarvisd.audio.wake import WakeModels, WakeStream

def rss_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

stream = WakeStream(WakeModels(["hey_jarvis"]))
expected = [stream.step(bytes(2560)) for _ in range(5)]
before = rss_mb()
give_back_loading_memory()
after = rss_mb()
stream.reset()
assert [stream.step(bytes(2560)) for _ in range(5)] == expected
print(before - after, before - rss_mb())
"""


def test_memory_is_given_back_and_everything_still_works():
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    at_once, after_use = map(float, ended.stdout.split())
    assert at_once > 10
    assert after_use > 3
