"""Floor 0: arrays and a record in one file that is whole or refused.

Nothing is unpickled: arrays are NumPy's `.npy` inside a zip, the record is JSON, and
the SHA-256 of both stands in front. Several processes may write to one path: each
writes a file of its own first, and the last that is done stays.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import warnings
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType

import numpy
from platformdirs import user_cache_path

__all__ = [
    "DamagedCheckpoint",
    "cache_folder",
    "description",
    "is_being_written",
    "load",
    "load_newest",
    "previous_of",
    "save",
]

_MAGIC = b"d2l_nin checkpoint 1\n"
_RECORD = "record.json"  # no parameter has this name: theirs end in weight, bias, …


class DamagedCheckpoint(ValueError):
    """A file that is no whole checkpoint of this course."""


def previous_of(path: Path) -> Path:
    """Where `save` keeps the checkpoint before the newest."""
    return path.with_name(path.name + ".previous")


def save(path: str | Path, arrays: dict[str, numpy.ndarray], record: dict) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Parameters
    ----------
    path : str or Path
        The checkpoint that is there becomes the previous one, if it is whole.
    arrays : dict
        From a name to an array of numbers.
    record : dict
        What JSON can hold.

    Raises
    ------
    OSError
        The disk is full, the folder can't be written: the old one stays.
    TypeError
        An array holds objects, which could only be pickled.
    """
    path = Path(path)
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name}: expected an array of numbers, got {array.dtype}")
    text = numpy.frombuffer(json.dumps(record).encode(), numpy.uint8)
    out = io.BytesIO()
    numpy.savez(out, **{_RECORD: text}, **arrays)
    body = out.getvalue()
    digest = hashlib.sha256(body).hexdigest().encode()

    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}.partial")
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):
        if not is_being_written(left):  # its process was killed while it wrote
            left.unlink(missing_ok=True)
    try:
        with own.open("wb") as file:
            file.write(_MAGIC + digest + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        if _is_whole(path):
            # Another process may have moved or removed it since.
            with contextlib.suppress(FileNotFoundError):
                path.replace(previous_of(path))
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def is_being_written(path: Path) -> bool:
    """Whether this is the unfinished file of a process that still runs."""
    pid = path.stem.rpartition(".")[2]
    if path.suffix != ".partial" or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)  # sends nothing, only asks
    except PermissionError:  # it runs, as another user's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _is_whole(path: Path) -> bool:
    try:
        load(path)
    except (FileNotFoundError, DamagedCheckpoint):
        return False
    return True


def load(path: str | Path) -> tuple[dict[str, numpy.ndarray], dict]:
    """Read a checkpoint: (arrays, record).

    Raises
    ------
    FileNotFoundError
        There is none.
    DamagedCheckpoint
        It is cut short, changed, or something else.
    """
    path = Path(path)
    raw = path.read_bytes()
    if not raw.startswith(_MAGIC):
        raise DamagedCheckpoint(f"{path}: not a checkpoint of this course")
    digest, _, body = raw[len(_MAGIC) :].partition(b"\n")
    found = hashlib.sha256(body).hexdigest()
    if found.encode() != digest:
        raise DamagedCheckpoint(
            f"{path}: damaged: its contents have SHA-256 {found[:16]}…, expected "
            f"{digest[:16].decode(errors='replace')}…"
        )
    with numpy.load(io.BytesIO(body), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return arrays, json.loads(arrays.pop(_RECORD).tobytes())


def load_newest(path: str | Path) -> tuple[dict, dict] | None:
    """Read the checkpoint, or the one before if it is damaged; None if none is whole.

    A refused file is told in a warning.
    """
    path = Path(path)
    for candidate in (path, previous_of(path)):
        try:
            return load(candidate)
        except FileNotFoundError:
            continue
        except DamagedCheckpoint as error:
            warnings.warn(f"{error}. It is not used.", stacklevel=2)
    return None


def description(value) -> str:
    """Describe a value in words that others don't share, alike in every process.

    A function is told by what it does: its code, its defaults and the values closed
    over; a partial by its function and arguments. What the code looks up in its module
    when it runs is told by name alone.

    Parameters
    ----------
    value
        A function, numbers, text, arrays, or lists and dictionaries of them.

    Returns
    -------
    str
    """
    if isinstance(value, FunctionType):
        closed = [cell.cell_contents for cell in value.__closure__ or ()]
        closed = [one for one in closed if one is not value]  # it calls itself
        parts = [value.__code__, value.__defaults__, value.__kwdefaults__, closed]
    elif isinstance(value, CodeType):
        parts = [value.co_code, value.co_names, value.co_consts]
    elif isinstance(value, partial):
        parts = [value.func, value.args, value.keywords]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, numpy.ndarray):
        bits = hashlib.sha256(numpy.ascontiguousarray(value)).hexdigest()
        parts = [value.dtype.str, value.shape, bits]
    elif isinstance(value, dict):
        parts = sorted(value.items(), key=repr)
    elif isinstance(value, (set, frozenset)):
        parts = sorted(value, key=repr)
    elif isinstance(value, (list, tuple)):
        parts = value
    elif callable(value) and type(value).__repr__ is object.__repr__:
        parts = [type(value).__qualname__, type(value).__call__, vars(value)]
    else:
        return repr(value)
    return f"{type(value).__name__}({', '.join(map(description, parts))})"


def cache_folder() -> Path:
    """Where outcomes and drawings are: $D2L_NIN_CACHE, or build/cache in the clone.

    Outside a clone it is the user's cache folder.
    """
    if os.environ.get("D2L_NIN_CACHE"):
        return Path(os.environ["D2L_NIN_CACHE"])
    root = Path(__file__).parent.parent
    if (root / "pyproject.toml").exists():
        return root / "build" / "cache"
    return user_cache_path("d2l_nin")
