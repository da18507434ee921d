"""62 kinds of characters, drawn on the spot and repeatable to the byte.

`captcha` draws them: it warps and rotates each, and adds dots and a curve. Nothing here
needs MXNet.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import string
import warnings
from functools import partial
from pathlib import Path

import matplotlib
import numpy
import PIL
from PIL import Image, ImageFont
from tqdm import tqdm

from d2l_nin import checkpoint

__all__ = ["CHARACTERS", "FONTS", "draw_characters", "read_characters"]

CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)

# Families and their files; a name without a folder is captcha's own. Fonts in which all
# characters are equally wide are left out but for that one: captcha stretches each
# character to one height, and x can't be told from X when both are as wide, too.
FONTS = {
    "Droid Sans Mono": ("DroidSansMono",),
    "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique"),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold"),
    "Computer Modern": ("cmr10", "cmss10"),
    "STIX": ("STIXGeneral", "STIXGeneralBol"),
}

# Captcha's canvas, on which its dots and letters have their size; shrunk to 28×28.
_CANVAS = 60
_FONT_SIZE = 50  # one for all: a character's width tells x from X


class _Seeded(random.Random):
    """What `captcha` uses of the module `secrets`, repeatable from a seed.

    Both build on what Python promises to keep: `random()` and `getrandbits()`.
    """

    def randbelow(self, n: int) -> int:
        return int(self.random() * n)

    def randbits(self, k: int) -> int:
        return self.getrandbits(k)

    def choice(self, options):
        return options[self.randbelow(len(options))]


def _seeded_captcha(seed: str):
    """A copy of `captcha.image` of our own, with its own source of randomness.

    Nothing that others import is touched, so nothing has to be restored, and two
    threads that draw don't disturb each other.
    """
    spec = importlib.util.find_spec("captcha.image")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.secrets = _Seeded(seed)
    # The other layout engine uses a library of the system, which may differ.
    module.truetype = partial(module.truetype, layout_engine=ImageFont.Layout.BASIC)
    return module


def _font_files(family: str, data_dir: str) -> list[str]:
    """The paths of a family's fonts."""
    shipped = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    paths = []
    for name in FONTS[family]:
        folder = Path(data_dir) if name == "DroidSansMono" else shipped
        path = folder / f"{name}.ttf"
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: a font that ships with captcha or matplotlib is missing. "
                "Run `make setup` again."
            )
        paths.append(str(path))
    return paths


def _painters(fonts, seed: str) -> list:
    """One for each family, in turn; all draw from one source of randomness.

    Raises
    ------
    ValueError, FileNotFoundError
        As `draw_characters`.
    """
    unknown = [family for family in fonts if family not in FONTS]
    if unknown or not len(fonts):
        raise ValueError(
            f"fonts: expected some of {', '.join(FONTS)}, got "
            f"{', '.join(map(repr, unknown)) or 'none'}"
        )
    captcha = _seeded_captcha(seed)
    return [
        captcha.ImageCaptcha(
            _CANVAS, _CANVAS, _font_files(family, captcha.DATA_DIR), (_FONT_SIZE,)
        )
        for family in fonts
    ]


def draw_characters(
    count: int,
    fonts=tuple(FONTS),
    seed: int | str = 0,
    *,
    characters=CHARACTERS,
    known: set[bytes] | None = None,
    on_image=lambda: None,
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Draw `count` characters: each class in turn, each font family in turn.

    A larger count begins with the drawings of a smaller one. No global random state is
    used or changed.

    Parameters
    ----------
    count : int
    fonts : sequence of str
        Families out of `FONTS`.
    seed : int or str
    characters : sequence of str
        The classes: the 62, or others that the fonts have.
    known : set of SHA-256 digests, optional
        Drawings that must not occur again; the new ones are added. A drawing that is
        known is drawn anew.
    on_image : function, optional
        Called after each drawing.

    Returns
    -------
    (images, labels)
        Bytes (count, 28, 28), light on dark, and (count,), positions in `characters`.

    Raises
    ------
    ValueError
        A family is unknown, or there is none.
    FileNotFoundError
        A font file is missing.
    """
    painters = _painters(fonts, str(seed))
    known = set() if known is None else known
    labels = (numpy.arange(count) % len(characters)).astype(numpy.uint8)
    images = numpy.empty((count, 28, 28), numpy.uint8)
    for n, label in enumerate(labels):
        painter = painters[n // len(characters) % len(painters)]
        while True:
            picture = painter.generate_image(characters[label]).convert("L")
            # Dark on light as on paper; nets of this course see light on dark.
            images[n] = 255 - numpy.asarray(
                picture.resize((28, 28), Image.Resampling.BOX)
            )
            digest = hashlib.sha256(images[n]).digest()
            if digest not in known:
                break
        known.add(digest)
        on_image()
    return images, labels


def read_characters(
    sizes: dict[str, int],
    held_out: str = "STIX",
    seed: int = 0,
    *,
    folder: Path | None = None,
    progress: bool | None = None,
) -> dict[str, tuple[numpy.ndarray, numpy.ndarray]]:
    """Several sets of drawings, no drawing in two; drawn once, then read.

    Parameters
    ----------
    sizes : dict
        From a set's name to its number of drawings. The set "held_out" is drawn with
        the family `held_out`, all others with the other families.
    held_out : str
        A family out of `FONTS`.
    seed : int
    folder : Path, optional
        Where the drawings are kept, with a checksum; a damaged file is told in a
        warning and drawn again. Without it nothing is kept.
    progress : bool, optional
        Show a bar while drawing; None: only on a terminal.

    Returns
    -------
    dict
        From a set's name to (images, labels) as of `draw_characters`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `draw_characters`.
    """
    if held_out not in FONTS:
        raise ValueError(
            f"held_out: expected one of {', '.join(FONTS)}, got {held_out!r}"
        )
    recipe = {
        "sizes": sizes, "held_out": held_out, "seed": seed, "pillow": PIL.__version__,
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }  # fmt: skip
    path = None
    if folder is not None:
        key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
        path = Path(folder) / f"characters-{key}.npz"
        if stored := _stored_sets(path, recipe):
            return stored
    sets = _draw_sets(sizes, held_out, seed, progress)
    if path is not None:
        arrays = {}
        for name, (images, labels) in sets.items():
            arrays |= {f"{name} images": images, f"{name} labels": labels}
        try:
            checkpoint.save(path, arrays, recipe)
        except OSError as error:
            warnings.warn(f"The drawings are not kept: {error}", stacklevel=2)
    return sets


def _stored_sets(path: Path, recipe: dict) -> dict | None:
    """What was drawn by this recipe before; None where it is not kept there."""
    try:
        stored = checkpoint.load_newest(path)
    except OSError:  # a folder that can't be read; told when it's written
        return None
    if stored is None or stored[1] != recipe:
        return None
    arrays = stored[0]
    names = recipe["sizes"]
    return {s: (arrays[f"{s} images"], arrays[f"{s} labels"]) for s in names}


def _draw_sets(sizes: dict, held_out: str, seed: int, progress: bool | None) -> dict:
    seen_fonts = tuple(family for family in FONTS if family != held_out)
    known: set[bytes] = set()
    sets = {}
    bar = tqdm(
        total=sum(sizes.values()),
        desc="drawing characters",
        unit="image",
        leave=False,
        disable=None if progress is None else not progress,
    )
    with bar:
        # The largest set last: how many it has doesn't change the others.
        for name in sorted(sizes, key=lambda name: (name == "train", name)):
            fonts = (held_out,) if name == "held_out" else seen_fonts
            sets[name] = draw_characters(
                sizes[name], fonts, f"{seed} {name}", known=known, on_image=bar.update
            )
    return sets
