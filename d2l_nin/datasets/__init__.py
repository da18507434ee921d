"""Data sets: Fashion-MNIST, drawn characters, scenes, a reader's own pictures."""

from d2l_nin.datasets.batches import (
    ArrayIter,
    Batching,
    as_batch,
    as_labels,
)
from d2l_nin.datasets.characters import (
    CHARACTERS,
    FONTS,
    draw_characters,
    read_characters,
)
from d2l_nin.datasets.fashion_mnist import (
    FASHION_MNIST_LABELS,
    class_names,
    read_fashion_mnist,
    text_labels,
)
from d2l_nin.datasets.loaders import (
    Characters,
    load_characters,
    load_fashion_mnist,
    load_image_folder,
)
from d2l_nin.datasets.pictures import (
    COURSE_PICTURES,
    SUFFIXES,
    find_pictures,
    read_image_folder,
    read_picture,
)
from d2l_nin.datasets.scenes import (
    BACKGROUNDS,
    Scenes,
    box_of_garment,
    paste_garments,
)
from d2l_nin.datasets.transforms import (
    Augment,
    random_crop,
    random_flip,
    random_shift,
    resize_images,
    shift_images,
)

__all__ = [
    "BACKGROUNDS",
    "CHARACTERS",
    "COURSE_PICTURES",
    "FASHION_MNIST_LABELS",
    "FONTS",
    "SUFFIXES",
    "ArrayIter",
    "Augment",
    "Batching",
    "Characters",
    "Scenes",
    "as_batch",
    "as_labels",
    "box_of_garment",
    "class_names",
    "draw_characters",
    "find_pictures",
    "load_characters",
    "load_fashion_mnist",
    "load_image_folder",
    "paste_garments",
    "random_crop",
    "random_flip",
    "random_shift",
    "read_characters",
    "read_fashion_mnist",
    "read_image_folder",
    "read_picture",
    "resize_images",
    "shift_images",
    "text_labels",
]
