"""A reader's own pictures, one folder a class, as 28×28 grey bytes.

Nothing here needs MXNet.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy
from PIL import Image, ImageOps

__all__ = [
    "COURSE_PICTURES",
    "SUFFIXES",
    "find_pictures",
    "read_image_folder",
    "read_picture",
]

# The course's own six, wherever a notebook is started from.
COURSE_PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"

# What programs leave behind: archives of macOS, network disks, Windows, Python. What is
# hidden, with a dot in front as .ipynb_checkpoints, is left out as well.
LEFT_BEHIND = {
    "__macosx",
    "@eadir",
    "__pycache__",
    "#recycle",
    "$recycle.bin",
    "lost+found",
    "system volume information",
    "thumbs.db",
    "desktop.ini",
}

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read_picture(path: str | Path, *, invert: bool = False) -> numpy.ndarray:
    """Read one picture as a 28×28 square of grey values.

    It is turned as its EXIF record says, laid on white where it is transparent, turned
    grey, shrunk or enlarged until its longer side is 28 and centred. The bars beside it
    have the grey that is commonest along its edge.

    Parameters
    ----------
    path : str or Path
        Any format of Pillow; of an animation, the first frame.
    invert : bool
        Make dark light: for ink on paper, when the net has learned light on dark.

    Returns
    -------
    bytes (28, 28)

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It can't be read as a picture, or is too large (Pillow's guard against
        decompression bombs stays on).
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                grey = _to_grey(ImageOps.exif_transpose(picture))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path}: too large a picture ({error}).") from None
    except Exception as error:  # each format's reader raises errors of its own
        raise ValueError(f"{path}: can't be read as a picture ({error}).") from None
    edge = numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    square = Image.new("L", (28, 28), int(numpy.bincount(edge).argmax()))
    height, width = (max(1, round(28 * side / max(grey.shape))) for side in grey.shape)
    shrunk = Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)
    square.paste(shrunk, ((28 - width) // 2, (28 - height) // 2))
    image = numpy.asarray(square)
    return 255 - image if invert else image


def _to_grey(picture: Image.Image) -> numpy.ndarray:
    """Bytes (H, W) of a picture of any mode."""
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16 bits and more: Pillow's own conversion would cut them off at 255. Formats
        # don't tell how many bits are used, so the values do: 8, 16 or, if neither
        # fits, from the smallest to the largest.
        X = numpy.asarray(picture).astype(numpy.float64)
        low, high = X.min(), X.max()
        if picture.mode.startswith("I") and low >= 0 and high < 2**16:
            low, high = 0, 255 if picture.mode == "I" and high < 256 else 2**16 - 1
        X = (X - low) * (255 / max(high - low, 1e-12))
        return X.round().clip(0, 255).astype(numpy.uint8)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    return numpy.asarray(picture.convert("L"))


def find_pictures(path: str | Path) -> list[Path]:
    """Find the pictures in a folder and in the folders inside it.

    Parameters
    ----------
    path : str or Path
        A folder, or one file, which is then the only one; ~ is your home.

    Returns
    -------
    list of Path
        Sorted: the files that end in one of `SUFFIXES`. What is hidden, a file or a
        folder whose name begins with a dot, is left out, and what programs leave
        behind, such as __MACOSX, @eaDir and __pycache__.

    Raises
    ------
    FileNotFoundError
        There is no such file or folder.
    ValueError
        The folder has no picture.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder.")
    files = sorted(
        p
        for p in path.rglob("*")
        if _is_picture(p) and not any(map(is_left_out, p.relative_to(path).parts))
    )
    if not files:
        raise ValueError(
            f"{path}: no picture in it. Expected files that end in "
            f"{', '.join(SUFFIXES)}."
        )
    return files


def is_left_out(name: str) -> bool:
    """Whether a file or folder is hidden, or what a program has left behind."""
    return name.startswith(".") or name.casefold() in LEFT_BEHIND


def _is_picture(path: Path) -> bool:
    """Whether a file has the name of a picture; a broken link counts as well."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def _files_of_classes(path: Path) -> dict[str, list[Path]]:
    """From a class's name to its files, both sorted; clear errors for what is odd."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder.")
    if not path.is_dir():
        raise NotADirectoryError(f"{path}: expected a folder, found a file.")
    folders = sorted(
        p for p in path.iterdir() if p.is_dir() and not is_left_out(p.name)
    )
    if not folders:
        raise ValueError(
            f"{path}: no class in it. Expected one folder for each class, with its "
            "pictures inside; the folder's name is the class's name."
        )
    by_case: dict[str, str] = {}
    for folder in folders:
        other = by_case.setdefault(folder.name.casefold(), folder.name)
        if other != folder.name:
            raise ValueError(
                f"{path}: the classes {other!r} and {folder.name!r} differ only by "
                "case; on many disks they are one folder. Rename one, for example "
                f"'{other}_capital'."
            )
    files = {}
    for folder in folders:
        inside = sorted(p for p in folder.iterdir() if not is_left_out(p.name))
        nested = [p for p in inside if p.is_dir()]
        if nested:
            raise ValueError(
                f"{folder}: expected pictures, found the folder {nested[0].name!r}. "
                f"Name the folder that holds the classes: is it {folder}?"
            )
        files[folder.name] = [p for p in inside if _is_picture(p)]
        if not files[folder.name]:
            raise ValueError(
                f"{folder}: the class has no picture. Expected files that end in "
                f"{', '.join(SUFFIXES)}."
            )
    return files


def read_image_folder(
    path: str | Path, *, on_error: str = "raise", invert: bool = False
) -> tuple[numpy.ndarray, numpy.ndarray, tuple[str, ...]]:
    """Read pictures that stand in one folder a class.

    Parameters
    ----------
    path : str or Path
        ~ is your home. What is hidden, and what programs leave behind, such as
        __MACOSX or __pycache__, is no class.
    on_error : "raise" or "skip"
        What to do about a file that can't be read: stop, or leave it out and say in a
        warning how many and which.
    invert : bool
        As of `read_picture`.

    Returns
    -------
    (images, labels, classes)
        Bytes (N, 28, 28), int32 (N,) and the folders' names, sorted.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        `path` is missing or a file.
    ValueError
        No class; a class without a (readable) picture; two that differ only by case;
        a folder inside a class; a file that can't be read (`FileNotFoundError` for a
        link whose file is gone).
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error: expected 'raise' or 'skip', got {on_error!r}")
    files = _files_of_classes(Path(path).expanduser())
    images, labels, skipped = [], [], []
    for label, (name, paths) in enumerate(files.items()):
        before = len(images)
        for file in paths:
            try:
                images.append(read_picture(file, invert=invert))
                labels.append(label)
            except (FileNotFoundError, ValueError) as error:  # not found: a broken link
                if on_error == "raise":
                    raise type(error)(
                        f"{error} on_error='skip' leaves it out."
                    ) from None
                skipped.append(str(error))
        if len(images) == before:
            raise ValueError(
                f"{Path(path) / name}: none of its {len(paths)} pictures can be read. "
                f"The first: {skipped[-len(paths)]}"
            )
    if skipped:
        warnings.warn(
            f"{len(skipped)} of {len(skipped) + len(images)} files left out:\n"
            + "\n".join(skipped),
            stacklevel=2,
        )
    return numpy.stack(images), numpy.array(labels, numpy.int32), tuple(files)
