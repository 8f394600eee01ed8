"""Connections between a fit and its workers, who must know a key."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener

_WAKE = 5.0  # seconds


def at_once(line: Connection) -> Connection:
    """Return a connection on which the end of a message isn't held back for the next one."""
    with socket.socket(fileno=os.dup(line.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


class Door:
    """Where workers come in, each by a connection that knows the key."""

    def __init__(self, host: str) -> None:
        self.key = os.urandom(32)
        self._listener = Listener((host, 0), backlog=64, authkey=self.key)
        self.address: tuple[str, int] = self._listener.address
        self._came: queue.SimpleQueue[tuple[Connection, int, int, str]] = queue.SimpleQueue()
        self._is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def entered(self, timeout: float) -> Iterator[tuple[Connection, int, int, str]]:
        """Yield connection, number, process and level of who came in, waiting for the first."""
        with contextlib.suppress(queue.Empty):
            yield self._came.get(timeout > 0, timeout or None)
            while True:
                yield self._came.get_nowait()

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_open = False
        with contextlib.suppress(OSError):
            socket.create_connection(self.address, timeout=_WAKE).close()  # wakes the thread
        self._listener.close()

    def _accept(self) -> None:
        while self._is_open:
            with contextlib.suppress(OSError, EOFError, AuthenticationError):
                line = at_once(self._listener.accept())
                self._came.put((line, *line.recv()))
