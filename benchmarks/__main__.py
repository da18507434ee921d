import d2l_nin  # noqa: F401  (before mxnet, so that this process has its engine)
from benchmarks.command import bench
from d2l_nin.course.console import forgive_terminal

forgive_terminal()
bench(prog_name="python -m benchmarks")
