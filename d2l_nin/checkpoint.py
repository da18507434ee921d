"""Checkpoints: arrays and a record in one file that is whole or refused.

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
from pathlib import Path

import numpy

__all__ = [
    "DamagedCheckpoint",
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
