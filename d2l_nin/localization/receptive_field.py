"""Which pixels move a position of a layer, and how much: measured by gradients."""

from __future__ import annotations

import numpy
from mxnet import np

from d2l_nin.localization.maps import layer_of, maps_in, watched

__all__ = ["effective_receptive_field", "side_holding"]


def effective_receptive_field(
    net, layer, size, *, in_channels=1, num_images=64, seed=0
):
    """How much each pixel moves the middle position of a layer: gradients of it.

    The gradient of the middle position, its channels summed with random signs, with
    respect to each pixel: its absolute value, averaged over images of noise. Where it
    is above 0 is the receptive field; how it falls off is the effective one.

    Parameters
    ----------
    net : Block
        Initialized; trained or not.
    layer : int or Block, optional
        As of `grad_cam`.
    size : int
        Height and width of the images.
    in_channels, num_images, seed : int
        Of the noise.

    Returns
    -------
    NumPy array (size, size)
        The sum is 1.

    Raises
    ------
    ValueError
        The layer is not part of the net or makes no maps; no pixel moves its middle.

    Notes
    -----
    Luo et al., Understanding the Effective Receptive Field in Deep Convolutional
    Neural Networks, arXiv 1701.04128, section 3.
    """
    rng = numpy.random.default_rng(seed)
    device = next(iter(net.collect_params().values())).list_ctx()[0]
    noise = rng.normal(size=(num_images, in_channels, size, size))
    X = np.array(noise, dtype="float32", ctx=device)
    X.attach_grad()
    caught = []
    with watched(net, layer_of(net, layer), caught.append):
        net(X)
        N, C, H, W = maps_in(caught).shape
        signs = np.array(rng.choice([-1, 1], (N, C)), dtype="float32", ctx=device)
        total = (caught[-1][:, :, H // 2, W // 2] * signs).sum()
    total.backward()
    field = numpy.abs(X.grad.asnumpy().astype(numpy.float64)).mean(axis=(0, 1))
    if not field.sum() > 0:
        raise ValueError(
            "net: no pixel moves the middle of the layer. Are all its ReLUs at 0?"
        )
    return field / field.sum()


def side_holding(field, share: float = 0.95) -> int:
    """The side of the smallest square around the field's middle that holds `share`.

    Parameters
    ----------
    field : array (size, size)
        Of `effective_receptive_field`; its middle is its centre of mass.
    share : float
        Above 0, at most 1.

    Returns
    -------
    int
        In pixels, odd; at the edge of the image the square is cut off.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: expected 0 < share ≤ 1, got {share}")
    field = numpy.asarray(field, numpy.float64)
    weight = field / field.sum()
    i = round(float(weight.sum(axis=1) @ numpy.arange(len(weight))))
    j = round(float(weight.sum(axis=0) @ numpy.arange(len(weight))))
    for reach in range(len(weight)):
        rows = slice(max(i - reach, 0), i + reach + 1)
        columns = slice(max(j - reach, 0), j + reach + 1)
        if weight[rows, columns].sum() >= share - 1e-9:
            return 2 * reach + 1
    return 2 * len(weight) - 1
