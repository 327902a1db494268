"""Accepts clients, as many as the worker may have at a time."""

from __future__ import annotations

import socket
from _socket import socket as RawSocket
from typing import TYPE_CHECKING, Any

import gevent

from run.server.connection import Connection

if TYPE_CHECKING:
    from run.server.worker import SluiceWorker

READ = 1
BATCH = 64  # clients taken at once; where several workers share the address, one, and the others get theirs
ENOUGH = frozenset({24, 23, 105, 12})  # EMFILE, ENFILE, ENOBUFS, ENOMEM
PAUSE_SECONDS = 0.2


class Listener:
    """One address that the worker listens on."""

    def __init__(self, worker: SluiceWorker, sock: Any) -> None:
        self.worker = worker
        self.family, self.kind, self.protocol = sock.family, sock.type, sock.proto
        name = sock.getsockname()
        self.sock = RawSocket(self.family, self.kind, self.protocol, fileno=sock.detach())
        self.sock.setblocking(False)
        self.base = worker.base_environ | server_names(name)
        self.batch = BATCH if worker.cfg.workers == 1 else 1
        self.watcher = worker.hub.loop.io(self.sock.fileno(), READ)

    def resume(self) -> None:
        """Accept clients, unless that goes on already or is over."""
        if not self.watcher.active and self.sock.fileno() >= 0:
            self.watcher.start(self.accept)

    def accept(self) -> None:
        """The hub calls: clients wait."""
        for _ in range(self.batch):
            if self.worker.is_full():
                self.watcher.stop()
                return
            try:
                descriptor, address = self.sock._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:  # no file descriptor left, or a fault of the network that passes
                self.watcher.stop()
                gevent.spawn_later(PAUSE_SECONDS, self.resume)
                if error.errno not in ENOUGH:
                    self.worker.log.warning("A client could not be accepted: %s", error)
                return
            self.begin(RawSocket(self.family, self.kind, self.protocol, fileno=descriptor), address)

    def begin(self, sock: RawSocket, address: Any) -> None:
        """Serve a client."""
        sock.setblocking(False)
        base = self.base | client_names(address)
        base["gunicorn.socket"] = sock
        self.worker.begin(Connection(self.worker, sock, base))

    def close(self) -> None:
        """Accept no more."""
        self.watcher.stop()
        self.sock.close()


def server_names(name: Any) -> dict[str, str]:
    """Return what an environ says of the server's address."""
    if isinstance(name, tuple):
        return {"SERVER_NAME": str(name[0]), "SERVER_PORT": str(name[1])}
    return {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}


def client_names(address: Any) -> dict[str, str]:
    """Return what an environ says of the client's address; a Unix socket's clients have none."""
    if isinstance(address, tuple):
        return {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
    return {"REMOTE_ADDR": ""}


def prepare(sock: Any) -> None:
    """Have what is sent leave at once; clients inherit it."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
