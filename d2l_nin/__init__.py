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

# `python -m d2l_nin` takes modules from the folder that it is started in, and so does
# an empty entry of PYTHONPATH. There may lie a student's csv.py: nothing but the course
# itself is taken from it. Python has loaded these two modules by itself.
if sys.argv[:1] == ["-m"]:
    _here = os.path.realpath(os.getcwd())
    if not os.path.realpath(__file__).startswith(os.path.join(_here, "d2l_nin", "")):
        sys.path[:] = [p for p in sys.path if os.path.realpath(p) != _here]

from contextlib import suppress

from d2l_nin import environment

# An MXNet that doesn't load must not keep `doctor` from saying so. Whoever imports
# `runtime` or a room above it gets the error itself.
with suppress(ImportError, OSError, AttributeError):
    from d2l_nin import runtime  # noqa: F401

__version__ = "0.1.0"
__all__ = ["environment"]
