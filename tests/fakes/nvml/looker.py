"""Looks at the cards with the real binding, once for each line on standard input: a process of its own for tests.

Each answer is a line of JSON: the scan, as its dataclass says. An argument is `reopen_after_s`.
"""

import json
import sys
from dataclasses import asdict

from jarvisd.gpu.nvml import Nvml


def main() -> None:
    nvml = Nvml(reopen_after_s=float(sys.argv[1]))
    for _ in sys.stdin:
        scan = asdict(nvml.read()) | {"binding_loaded": "pynvml" in sys.modules}
        print(json.dumps(scan), flush=True)


main()
