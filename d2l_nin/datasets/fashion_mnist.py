"""Fashion-MNIST's files: the package's own, or those in a reader's folder."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy

__all__ = [
    "FASHION_MNIST_LABELS",
    "class_names",
    "read_fashion_mnist",
    "text_labels",
]

FASHION_MNIST_LABELS = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

SHIPPED = Path(__file__).parents[1] / "data" / "fashion-mnist.zip"

# SHA-256 of the decompressed IDX files, as Zalando published them. The compressed
# files differ between distributors, the bytes inside do not.
SHA256 = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}


def _read_shipped(name: str) -> bytes:
    """One IDX file out of the package's archive, decompressed and verified."""
    again = "Install the package again; `python -m d2l_nin doctor` checks the data."
    if not SHIPPED.is_file():
        raise FileNotFoundError(f"{SHIPPED}: the package's data is missing. {again}")
    try:
        with zipfile.ZipFile(SHIPPED) as archive:
            raw = lzma.decompress(archive.read(f"{name}.xz"))
    except (zipfile.BadZipFile, lzma.LZMAError, KeyError, EOFError) as error:
        raise ValueError(
            f"{SHIPPED}: {name} can't be read ({error}). {again}"
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != SHA256[name]:
        raise ValueError(
            f"{SHIPPED}: {name} has SHA-256 {found[:16]}…, "
            f"expected {SHA256[name][:16]}…. {again}"
        )
    return raw


def _read_from(folder: Path, name: str) -> tuple[Path, bytes]:
    """One IDX file out of a reader's folder, plain or gzipped.

    Some sites hand MNIST's files out with a dot in the name: train-images.idx3-ubyte.
    """
    names = (name, name.replace("-idx", ".idx"))
    paths = [folder / f"{n}{ending}" for n in names for ending in ("", ".gz")]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise FileNotFoundError(
            f"{folder}: neither {name} nor {name}.gz is there. Expected a folder with "
            f"the four files {', '.join(SHA256)}, each plain or with .gz."
        )
    if path.suffix != ".gz":
        return path, path.read_bytes()
    try:
        return path, gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: not a whole gzip file ({error}). Copy or download it again."
        ) from None


def _parse_idx(path: Path, raw: bytes, num_axes: int) -> numpy.ndarray:
    """The array in an IDX file: magic number, big-endian sizes, then bytes."""
    again = "Copy or download the file again."
    header = 4 + 4 * num_axes
    if len(raw) < header:
        raise ValueError(
            f"{path}: expected a header of {header} bytes, found {len(raw)} bytes in "
            f"all. {again}"
        )
    magic = int.from_bytes(raw[:4], "big")
    if magic != 0x800 + num_axes:
        kind = "images" if num_axes == 3 else "labels"
        raise ValueError(
            f"{path}: expected the IDX magic number {0x800 + num_axes} ({kind}), found "
            f"{magic}. Is it another file under this name?"
        )
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, header, 4))
    expected = int(numpy.prod(shape, dtype=numpy.int64))
    if len(raw) - header != expected:
        raise ValueError(
            f"{path}: the header promises {' × '.join(map(str, shape))} = {expected:,} "
            f"bytes, found {len(raw) - header:,}. {again}"
        )
    return numpy.frombuffer(raw, numpy.uint8, offset=header).reshape(shape)


def _check_split(path: Path, images: numpy.ndarray, labels: numpy.ndarray) -> None:
    """Tell images and labels that can't be (Fashion-)MNIST; `path`: of the labels."""
    if len(images) != len(labels):
        raise ValueError(
            f"{path}: {len(labels):,} labels for {len(images):,} images. The two files "
            "don't belong together."
        )
    if images.shape[1:] != (28, 28):
        raise ValueError(
            f"{path.parent}: expected images of 28×28, found "
            f"{images.shape[1]}×{images.shape[2]}. Is it another data set?"
        )
    bad = numpy.flatnonzero(labels >= len(FASHION_MNIST_LABELS))
    if bad.size:
        raise ValueError(
            f"{path}: expected labels 0…{len(FASHION_MNIST_LABELS) - 1}, found "
            f"{labels[bad[0]]} at position {bad[0]}. Copy or download the file again."
        )


def _read_split(folder: Path | None, split: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images (N, 28, 28) and labels (N,), bytes, of "train" or "t10k"."""
    names = f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"
    if folder is None:
        files = [(SHIPPED / name, _read_shipped(name)) for name in names]
    else:
        files = [_read_from(folder, name) for name in names]
    images = _parse_idx(*files[0], num_axes=3)
    labels = _parse_idx(*files[1], num_axes=1)
    _check_split(files[1][0], images, labels)
    return images, labels


_shipped: tuple | None = None


def read_fashion_mnist(folder: str | Path | None = None) -> tuple:
    """Read all of Fashion-MNIST.

    Parameters
    ----------
    folder : str or Path, optional
        A folder with the four usual IDX files, plain or gzipped, of Fashion-MNIST or
        of MNIST, which has files of the same names and form; ~ is your home. Without
        it the files inside this package are read: all 70,000 images, verified by
        SHA-256, once per process.

    Returns
    -------
    ((X_train, y_train), (X_test, y_test))
        NumPy bytes: images (60000, 28, 28) from 0 to 255 and labels (60000,); the
        same for the 10,000 test images.

    Raises
    ------
    FileNotFoundError
        A file or the folder is missing.
    ValueError
        A file is cut short, damaged, of another kind, or the counts disagree.

    Notes
    -----
    Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747. MIT licence, Zalando SE.
    """
    global _shipped
    if folder is None and _shipped is not None:
        return _shipped
    if folder is not None:
        folder = Path(folder).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder.")
    with ThreadPoolExecutor(2) as pool:  # decompression runs outside Python's lock
        data = tuple(pool.map(lambda s: _read_split(folder, s), ("train", "t10k")))
    if folder is None:
        _shipped = data
    return data


def class_names(labels: numpy.ndarray) -> tuple[str, ...]:
    """The ten classes of all training labels: garments if Fashion-MNIST's, else digits.

    MNIST's files have the same names; only what is in them tells the two apart.
    """
    header = (0x801).to_bytes(4, "big") + len(labels).to_bytes(4, "big")
    digest = hashlib.sha256(header + labels.astype(numpy.uint8).tobytes()).hexdigest()
    if digest == SHA256["train-labels-idx1-ubyte"]:
        return FASHION_MNIST_LABELS
    return tuple(map(str, range(10)))


def text_labels(y) -> list[str]:
    """The names of Fashion-MNIST labels: [0, 9] gives ['t-shirt', 'ankle boot']."""
    indices = numpy.asarray(y).astype(numpy.int64).ravel()
    bad = indices[(indices < 0) | (indices >= len(FASHION_MNIST_LABELS))]
    if bad.size:
        raise ValueError(
            f"y: expected labels 0…{len(FASHION_MNIST_LABELS) - 1}, got {bad[0]}"
        )
    return [FASHION_MNIST_LABELS[i] for i in indices]
