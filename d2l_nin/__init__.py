"""From 1×1 convolution to ResNet: the shared code of a hands-on course.

Import this package before `mxnet`: it chooses the number of threads and the engine,
and MXNet reads both only once, while it loads. What you have set in the environment
wins. Rooms, each of which imports only rooms below it; on floor 0, which has none
below, also rooms beside it, as long as they make no circle::

    floor 4  cli                           python -m d2l_nin
    floor 3  figures                       pictures
    floor 3  checks                        instant feedback for the exercises
    floor 3  grading                       submitted notebooks, each on its own
    floor 3  course                        chapters as files · decks · zip · doctor
    floor 2  training  cost                fit, evaluate, launch · shapes, MACs
    floor 1  nin  inception  resnet        blocks and nets
    floor 1  baselines                     what they are compared with
    floor 1  scenes  localization          garments to be found · where a net sees them
    floor 0  environment  runtime  layers  losses  datasets  checkpoint  correlation
    floor 0  memory  cache
    floor 0  characters  folders           drawn characters · a reader's own pictures
"""

from contextlib import suppress

from d2l_nin import environment

# An MXNet that doesn't load must not keep `doctor` from saying so. Whoever imports
# `runtime` or a room above it gets the error itself.
with suppress(ImportError, OSError, AttributeError):
    from d2l_nin import runtime  # noqa: F401

__version__ = "0.1.0"
__all__ = ["environment"]
