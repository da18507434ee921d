"""Several processes that train one net, on this machine or on several.

MXNet's `dist_sync` store needs a scheduler, servers that sum gradients, and workers.
This starts them, watches over them and leaves nothing running. Use it in a network that
you trust: MXNet's processes talk to each other without a password.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from d2l_nin.environment import num_cores
from d2l_nin.runtime import whole_number

__all__ = ["JobFailed", "launch"]

_LOCAL = ("localhost", "127.0.0.1")
# A scheduler, or a server, is a process that imports MXNet with that role.
_SERVE = [sys.executable, "-c", "import mxnet"]


class JobFailed(RuntimeError):
    """A process of the job ended before the job was done."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _die_with_parent() -> None:
    """On Linux: a killed launcher takes its processes along."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _start(host: str, command: Sequence[str], settings: dict) -> subprocess.Popen:
    """Start a process of the job; on another host through ssh, which ends with it."""
    environment = os.environ
    if host in _LOCAL:
        environment = {**os.environ, **settings}
    else:
        words = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
        there = f"cd {shlex.quote(os.getcwd())} && exec env {' '.join(words)} "
        there += shlex.join(command)
        command = ["ssh", "-tt", "-o", "BatchMode=yes", host, there]
    try:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    except OSError as error:
        raise type(error)(
            "command: expected a program that runs, such as python train.py; "
            f"{command[0]!r} does not: {error.strerror}"
        ) from None


def _stop(processes: dict) -> None:
    """End what still runs, with what it has started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for process in processes.values():
            if process.poll() is None or sign == signal.SIGKILL:
                try:
                    os.killpg(process.pid, sign)
                except (ProcessLookupError, PermissionError):
                    continue  # the whole group has ended
        _wait(processes, 2)


def _wait(processes: dict, seconds: float) -> None:
    """Until all have ended, or for so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(
        process.poll() is None for process in processes.values()
    ):
        time.sleep(0.05)


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by signal {-status}"
    return f"ended with exit status {status}"


def _watch(processes: dict) -> None:
    """Wait for the workers; the first process that fails ends the wait."""
    while True:
        workers_left = False
        for name, process in processes.items():
            status = process.poll()
            worker = name.startswith("worker")
            workers_left |= worker and status is None
            if status:
                raise JobFailed(
                    f"{name} {_how(status)} before the job was done; all others were "
                    "stopped. What it printed stands above."
                )
        if not workers_left:
            return
        time.sleep(0.1)


def _checked(hosts: Sequence[str]) -> tuple[list[str], bool]:
    """The hosts, and whether they are this machine alone."""
    if not hosts:
        raise ValueError("hosts: expected at least one, got none")
    hosts = [host.strip() for host in hosts]
    for host in hosts:
        if not host or host.startswith("-"):  # for ssh, "-…" is an option
            raise ValueError(f"hosts: expected names that ssh can reach, got {host!r}")
    alone = all(host in _LOCAL for host in hosts)
    if not alone and any(host in _LOCAL for host in hosts):
        raise ValueError(
            f"hosts: expected names that every host can reach, got {', '.join(hosts)}"
        )
    return hosts, alone


def _settings_of(hosts: list[str], alone: bool, num_workers: int) -> dict[str, str]:
    """The part of the environment that depends on where the processes run."""
    settings = {
        "DMLC_PS_ROOT_URI": "127.0.0.1" if alone else hosts[0],
        # The store hands over between threads, which the naive engine can't.
        "MXNET_ENGINE_TYPE": "ThreadedEnginePerDevice",
    }
    if alone:
        settings["DMLC_NODE_HOST"] = "127.0.0.1"
        # Importing this course has set the threads for one process.
        settings["OMP_NUM_THREADS"] = str(max(1, num_cores() // num_workers))
    return settings


def launch(
    command: Sequence[str],
    *,
    num_workers: int = 2,
    num_servers: int = 1,
    hosts: Sequence[str] = ("localhost",),
    port: int | None = None,
) -> None:
    """Run `command` as every worker of one job, and wait until all are done.

    Parameters
    ----------
    command : list of str
        Such as ``["python", "train.py"]``; in it ``fit(…, kvstore="dist_sync")``.
    num_workers, num_servers : int
        Dealt out over `hosts` in turn.
    hosts : list of str
        Reached by ssh with a key; the course and this folder are in the same place on
        each. The scheduler runs on the first. 'localhost' needs no ssh.
    port : int, optional
        Of the scheduler; on this machine alone a free one is found.

    Raises
    ------
    JobFailed
        A process ended early; the others have been stopped.
    ValueError
        There is nothing to start, or a host's name can't be one.
    OSError
        The command, or ssh, can't be started.

    Notes
    -----
    The environment variables are those of MXNet's ps-lite.
    """
    if not command:
        raise ValueError("command: expected what a worker runs, got nothing")
    num_workers = whole_number("num_workers", num_workers, 1)
    num_servers = whole_number("num_servers", num_servers, 1)
    hosts, alone = _checked(hosts)
    settings = {
        "DMLC_PS_ROOT_PORT": str(port or (_free_port() if alone else 9091)),
        "DMLC_NUM_WORKER": str(num_workers),
        "DMLC_NUM_SERVER": str(num_servers),
        **_settings_of(hosts, alone, num_workers),
    }
    jobs = [("scheduler", "scheduler", hosts[0], _SERVE)]
    for i in range(num_servers):
        jobs.append((f"server {i}", "server", hosts[i % len(hosts)], _SERVE))
    for i in range(num_workers):
        jobs.append((f"worker {i}", "worker", hosts[i % len(hosts)], list(command)))
    processes: dict[str, subprocess.Popen] = {}
    try:
        for name, role, host, what in jobs:
            processes[name] = _start(host, what, {**settings, "DMLC_ROLE": role})
        _watch(processes)
        # Scheduler and servers end by themselves when the last worker has said so.
        _wait(processes, 5)
    finally:
        _stop(processes)
