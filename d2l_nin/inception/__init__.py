"""Inception and GoogLeNet (Szegedy et al., arXiv 1409.4842)."""

from d2l_nin.inception.modules import Branches, Inception
from d2l_nin.inception.nets import (
    GOOGLENET_MODULES,
    GOOGLENET_TABLE,
    WithHeads,
    googlenet,
    googlenet_fashion_mnist,
    inception_classroom,
)

__all__ = [
    "GOOGLENET_MODULES",
    "GOOGLENET_TABLE",
    "Branches",
    "Inception",
    "WithHeads",
    "googlenet",
    "googlenet_fashion_mnist",
    "inception_classroom",
]
