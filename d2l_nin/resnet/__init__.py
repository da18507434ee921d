"""Residual nets (He et al., arXiv 1512.03385 and 1603.05027)."""

from d2l_nin.resnet.blocks import (
    ORDERS,
    SHORTCUTS,
    VARIANTS,
    Bottleneck,
    Residual,
    ResidualBlock,
    two_convolutions,
)
from d2l_nin.resnet.nets import (
    resnet18,
    resnet_cifar,
    resnet_classroom,
    resnet_imagenet,
)

__all__ = [
    "ORDERS",
    "SHORTCUTS",
    "VARIANTS",
    "Bottleneck",
    "Residual",
    "ResidualBlock",
    "resnet18",
    "resnet_cifar",
    "resnet_classroom",
    "resnet_imagenet",
    "two_convolutions",
]
