"""The one place that runs onnxruntime: small models that lie in installed packages, one thread each.

Only the packages' files are used, their code is never imported: openWakeWord's would pull in scikit-learn
and scipy (112 MB), Silero's torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jarvisd.errors import WakeModelError

# onnxruntime's level for errors: its warnings about unused initializers tell an operator nothing.
_LOG_ERRORS_ONLY = 3


def package_file(package: str, *patterns: str, install: str) -> Path:
    """The first file in an installed package that matches one of `patterns` (globs from its folder)."""
    folder = package_folder(package, install=install)
    for pattern in patterns:
        if found := sorted(folder.glob(pattern)):
            return found[-1]
    raise WakeModelError(
        f"{folder} has no {' or '.join(patterns)}: this version of {package} does not carry the model; "
        f"install the one that does with `pip install {install}`"
    )


def package_folder(package: str, *, install: str) -> Path:
    """Folder of an installed top-level package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WakeModelError(f"the package {package}, which carries models, is missing: `pip install {install}`")
    return Path(spec.submodule_search_locations[0])


def load_session(path: Path, inputs: Sequence[tuple[int | None, ...]], outputs: int) -> Any:
    """Load `path` and check it: one shape per input (None: any size) and the number of outputs.

    One thread without spinning: the models are tiny, and a spinning thread costs more than they do.
    Without arena and memory pattern the process is a few MB smaller and no slower.
    """
    if not path.is_file():
        raise WakeModelError(f"{path}: there is no such model file; check [wake] words")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:  # onnxruntime's own errors share no base class but Exception
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WakeModelError(f"{path} does not load as an ONNX model ({reason}); fetch the file again") from error
    _check(path, session, inputs, outputs)
    return session


def _check(path: Path, session: Any, inputs: Sequence[tuple[int | None, ...]], outputs: int) -> None:
    found = [tuple(item.shape) for item in session.get_inputs()]
    fits = len(found) == len(inputs) and all(map(_shape_fits, found, inputs))
    if not fits:
        raise WakeModelError(
            f"{path} is not the expected kind of model: its inputs are {_shapes(found)}, expected {_shapes(inputs)}"
        )
    if len(session.get_outputs()) != outputs:
        raise WakeModelError(f"{path} has {len(session.get_outputs())} outputs, expected {outputs}")


def _shape_fits(found: Sequence[Any], expected: Sequence[int | None]) -> bool:
    if len(found) != len(expected):
        return False
    sizes = zip(found, expected, strict=True)
    # A size that is a name, or None, is open: the model takes any.
    return all(want is None or not isinstance(have, int) or have == want for have, want in sizes)


def _shapes(shapes: Sequence[Sequence[Any]]) -> str:
    return ", ".join("[" + ", ".join("any" if s is None else str(s) for s in shape) + "]" for shape in shapes)
