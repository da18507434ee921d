"""From 1×1 convolution to ResNet: the shared code of a hands-on course.

Import it before `mxnet`, which reads its threads and its engine only as it loads.
nets      layers, nin, inception, resnet, baselines, reuse; losses, cost, correlation
training  training, experiment, paired, checkpoint, cache; onnx_export; localization
data      datasets; figures: every picture
machine   environment, runtime, memory, numpy_names
course    checks: the exercises; grading; course: chapters as files; cli
"""

import os
import sys
from contextlib import suppress

# `python -m d2l_nin` takes modules from the folder that it is started in. There may
# lie a student's csv.py: nothing but the course itself is taken from it.
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if sys.argv[:1] == ["-m"] and os.path.realpath(sys.path[0]) != _ROOT:
    del sys.path[0]

from d2l_nin import environment  # noqa: E402

# An MXNet that doesn't load must not keep `doctor` from saying so. Whoever imports
# `runtime` or a room above it gets the error itself.
with suppress(ImportError, OSError, AttributeError):
    from d2l_nin import runtime  # noqa: F401

__version__ = "0.1.0"
__all__ = ["environment"]
