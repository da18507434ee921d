"""Cut the network for every Python that has this folder on PYTHONPATH.

An audit hook sees what the socket module is asked for, whoever asks. Loopback stays:
notebook kernels talk to their front end over it.
"""

import ipaddress
import sys


def _is_local(host) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(
            host.decode() if isinstance(host, bytes) else host
        ).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if not isinstance(address, tuple):  # a socket in the file system
            return
        host = address[0]
    else:
        return
    if not _is_local(host):
        raise PermissionError(f"the network is cut in tests, {event} asked for {host}")


sys.addaudithook(_guard)
