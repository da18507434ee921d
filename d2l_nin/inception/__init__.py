"""Inception and GoogLeNet (Szegedy et al., arXiv 1409.4842)."""

from d2l_nin.inception.modules import Branches, Inception
from d2l_nin.inception.nets import (
    GOOGLENET_MODULES,
    WithHeads,
    googlenet,
    googlenet_fashion_mnist,
    inception_classroom,
    patch_net,
)

__all__ = [
    "GOOGLENET_MODULES",
    "Branches",
    "Inception",
    "WithHeads",
    "googlenet",
    "googlenet_fashion_mnist",
    "inception_classroom",
    "patch_net",
]
