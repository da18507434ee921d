"""One look for every picture of the course.

Each function returns a `Picture`, an SVG with alt text.
"""

from d2l_nin.figures.arrays import channel_sums, number_grids
from d2l_nin.figures.curves import (
    LiveCurve,
    curves,
    training_curves,
)
from d2l_nin.figures.experiments import (
    dot_plot,
    shares_picture,
)
from d2l_nin.figures.images import confusion_matrix, image_grid, map_grid, scene_grid
from d2l_nin.figures.inception import googlenet_picture, inception_picture
from d2l_nin.figures.mlpconv import mlpconv_picture
from d2l_nin.figures.nets import draw_nets
from d2l_nin.figures.picture import COLOURS, Picture, picture
from d2l_nin.figures.pixel_column import pixel_column
from d2l_nin.figures.pooling import (
    asked_maps_picture,
    pooling_picture,
    receptive_field_picture,
)
from d2l_nin.figures.residual import (
    bottleneck_picture,
    gradients_picture,
    orders_picture,
    residual_picture,
    shortcuts_picture,
)
from d2l_nin.figures.transfer import transfer_picture

__all__ = [
    "COLOURS",
    "LiveCurve",
    "Picture",
    "asked_maps_picture",
    "bottleneck_picture",
    "channel_sums",
    "confusion_matrix",
    "curves",
    "dot_plot",
    "draw_nets",
    "googlenet_picture",
    "gradients_picture",
    "image_grid",
    "inception_picture",
    "map_grid",
    "mlpconv_picture",
    "number_grids",
    "orders_picture",
    "picture",
    "pixel_column",
    "pooling_picture",
    "receptive_field_picture",
    "residual_picture",
    "scene_grid",
    "shares_picture",
    "shortcuts_picture",
    "training_curves",
    "transfer_picture",
]
