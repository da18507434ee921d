"""Where a net looks: class maps, receptive fields, boxes, and how they are scored."""

from d2l_nin.localization.boxes import (
    box_iou,
    boxes_around,
    boxes_of_maps,
    centres_of_mass,
    enlarge,
    peaks,
    pointing_baselines,
    points_in_boxes,
)
from d2l_nin.localization.maps import class_maps, grad_cam
from d2l_nin.localization.receptive_field import effective_receptive_field, side_holding

__all__ = [
    "box_iou",
    "boxes_around",
    "boxes_of_maps",
    "centres_of_mass",
    "class_maps",
    "effective_receptive_field",
    "enlarge",
    "grad_cam",
    "peaks",
    "pointing_baselines",
    "points_in_boxes",
    "side_holding",
]
