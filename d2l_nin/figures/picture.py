"""What every figure of the course is: an SVG with alt text, in one look.

The SVG is the same to the byte wherever it is drawn. Colours are Okabe and Ito's, which
colour-blind readers can tell apart; lines differ in dashes and boxes in lightness too.
"""

from __future__ import annotations

import base64
import html
import io
import re
import struct
import zlib
from contextlib import contextmanager

import matplotlib
import numpy
from matplotlib import pyplot as plt
from PIL import Image

# Okabe and Ito's palette, from dark to light enough to differ in greyscale as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")

_STYLE = {
    "svg.hashsalt": "d2l_nin",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    # 14 px in a notebook, 24 px on a slide, where a figure is 7 inches wide.
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS, linestyle=DASHES),
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "gray",
    "image.interpolation": "none",
    "figure.facecolor": "white",
}


# Pixels of the PNG for one of a page.
STILL_SCALE = 1.5


def _data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


class Picture:
    """An SVG with alt text; a notebook shows it as an image.

    Attributes
    ----------
    svg, alt : str
    png : bytes or None
        The same for viewers that show no SVG, `STILL_SCALE` pixels for one of a page.
    """

    def __init__(self, svg: str, alt: str, png: bytes | None = None):
        self.svg, self.alt, self.png = svg, alt, png

    def _repr_mimebundle_(self, include=None, exclude=None):
        # As an <img>, not as <svg> in the page: the ids inside can't meet those of
        # other figures, and the alt text is where browsers and Jupyter look for it.
        # Sanitizers that drop `srcset` leave the PNG; "A figure" in CONTRIBUTING says
        # whose. nbconvert and JupyterLab read its alt from the metadata.
        alt = html.escape(self.alt)
        vector = _data_url("svg+xml", self.svg.encode())
        if self.png is None:
            shown = f'<img alt="{alt}" src="{vector}">'
            return {"text/html": shown, "text/plain": self.alt}
        still = _data_url("png", self.png)
        width = round(Image.open(io.BytesIO(self.png)).width / STILL_SCALE)
        bundle = {
            "text/html": f'<img alt="{alt}" width="{width}" src="{still}" '
            f'srcset="{vector}">',
            "text/plain": self.alt,
            "image/png": base64.b64encode(self.png).decode(),
        }
        return bundle, {"image/png": {"alt": self.alt, "width": width}}

    def text_sizes(self, width: float = 1200, height: float = 560) -> list[float]:
        """The sizes of its type in pixels when it fills `width` × `height` of a slide.

        The default is what a slide of 1280×720 leaves below its title.
        """
        sides = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', self.svg).groups()
        scale = min(width / float(sides[0]), height / float(sides[1]))
        # Type is drawn as glyphs of 100 units, scaled to its size in points.
        found = re.findall(r"scale\(([\d.]+) -\1\)", self.svg)
        return [100 * float(size) * scale for size in found]

    def __repr__(self) -> str:
        return self.alt


@contextmanager
def style():
    """The course's look for what is drawn inside, d2l's or the reader's outside."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        yield


def _png(pixels: numpy.ndarray) -> bytes:
    """An uncompressed PNG of bytes (H, W) or (H, W, 3).

    Compression differs between builds of zlib, and stored pictures are compared.
    """
    H, W = pixels.shape[:2]
    rows = numpy.concatenate(
        [numpy.zeros((H, 1), numpy.uint8), pixels.reshape(H, -1)], axis=1
    ).tobytes()
    stream = b"\x78\x01"
    for i in range(0, len(rows), 65535):
        block = rows[i : i + 65535]
        last = i + 65535 >= len(rows)
        stream += struct.pack("<BHH", last, len(block), 65535 - len(block)) + block
    stream += struct.pack(">I", zlib.adler32(rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    colour_type = 0 if pixels.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", W, H, 8, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", stream)
        + chunk(b"IEND", b"")
    )


def _store_again(match: re.Match) -> str:
    """An embedded PNG without compression, in grey where it is grey."""
    raw = base64.b64decode(re.sub(r"\s", "", match.group(1)))
    pixels = numpy.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return _data_url("png", _png(pixels))


def _still(fig: plt.Figure, colours: int) -> bytes:
    """The figure as a PNG of few colours."""
    out = io.BytesIO()
    fig.savefig(out, format="png", dpi=STILL_SCALE * 96)
    image = Image.open(out).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, format="png", optimize=True)
    return out.getvalue()


def picture(
    fig: plt.Figure, alt: str, still: bool = True, colours: int = 64
) -> Picture:
    """Turn a matplotlib figure into a `Picture`, in the course's look.

    Parameters
    ----------
    fig : matplotlib Figure
    alt : str
        What it shows, for those who can't see it.
    still : bool
        Draw it as a PNG as well, for viewers that show no SVG.
    colours : int
        Of the PNG, up to 256; a photograph needs more of them than a drawing.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        `alt` says nothing.
    """
    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows")
    out = io.StringIO()
    with style():
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        png = _still(fig, colours) if still else None
    plt.close(fig)
    svg = out.getvalue()
    svg = re.sub(r"data:image/png;base64,([^\"']+)", _store_again, svg)
    return Picture(svg[svg.index("<svg") :], alt, png)


def as_numpy(values) -> numpy.ndarray:
    return values.asnumpy() if hasattr(values, "asnumpy") else numpy.asarray(values)


def check_count(name: str, shown, looks: tuple) -> None:
    """Refuse more lines or parts than there are looks; they would be left out."""
    if len(shown) > len(looks):
        raise ValueError(
            f"{name}: expected at most {len(looks)}, which can be told apart, got "
            f"{len(shown)}: {', '.join(map(str, shown))}. Make two pictures of it."
        )
