"""A server of one page, for this machine only."""

import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from chainrule.theory.checks import require

HOST = "127.0.0.1"
_LAST_PORT = 65_535
_NAMES = (HOST, "localhost")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

Make = Callable[[int | None, int | None], str]


class PageServer(ThreadingHTTPServer):
    """Serves what ``make(step, row)`` gives at /, to browsers of this machine.

    A request must name this machine as its host: another site, whose name was made to lead here,
    doesn't.

    Parameters
    ----------
    make : callable
        Returns the page of a step and a row; ``ValueError`` says why there is none.
    port : int
        0 for any that is free.

    Raises
    ------
    ValueError
        If it isn't a port, or is taken.
    """

    daemon_threads = True

    def __init__(self, make: Make, port: int) -> None:
        require(0 <= port <= _LAST_PORT, f"port must be from 0 to {_LAST_PORT}, got {port}")
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise ValueError(
                f"port {port} can't be had ({error.strerror}): take another, or 0 for any"
            ) from error
        self._make, self._lock = make, threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Say what went wrong with a request in one line; a browser that went away is nothing."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            print(f"chainrule: {type(error).__name__}: {error}", file=sys.stderr)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def page(self, step: int | None, row: int | None) -> str:
        """Return a page; a run is replayed for one request at a time."""
        with self._lock:
            return self._make(step, row)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /?step=K&row=I."""

    server: PageServer
    server_version, sys_version = "chainrule", ""

    def do_GET(self) -> None:
        """Answer a request."""
        if not self._is_for_this_machine():
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "this page is for its own machine\n")
            return
        url = urlsplit(self.path)
        if url.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is one page, at /\n")
            return
        try:
            page = self.server.page(*_asked(url.query))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", f"{error}\n")
        else:
            self._answer(HTTPStatus.OK, "text/html", page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal is for what the user asked."""

    def _is_for_this_machine(self) -> bool:
        name, _, port = self.headers.get("Host", "").rpartition(":")
        return name in _NAMES and port == str(self.server.server_port)

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _asked(query: str) -> tuple[int | None, int | None]:
    """Return the step and the row that a request asks for."""
    fields = parse_qs(query, keep_blank_values=True)
    return _whole("step", fields), _whole("row", fields)


def _whole(name: str, fields: dict[str, list[str]]) -> int | None:
    text = fields.get(name, [""])[-1]
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"{name} must be a whole number, got {text[:40]!r}")
    return int(text)
