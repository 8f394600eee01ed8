"""``chainrule play``: a server in a process of its own, asked as a browser asks."""

import http.client
import json
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = "a,b,c,class\n" + "".join(
    f"{n % 7},{n % 5},{n % 3},{'yes' if n % 7 > n % 5 else 'no'}\n" for n in range(40)
)


class Server:
    def __init__(self, folder, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "chainrule", "play", "--no-browser", *words],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said = self.process.stdout.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", self.said)[1])
        self.said += self.process.stdout.readline()

    def get(self, path="/", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def document(self, path="/"):
        _, page = self.get(path)
        return json.loads(page.split('id="document">')[1].split("</script>")[0])

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        rest = self.process.communicate(timeout=60)
        return self.process.returncode, *rest


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    (folder / "own.csv").write_text(TABLE)
    made = Server(folder, "own.csv", "--columns", "a,b", "--epochs", "5", "--hidden", "3")
    yield made
    code, out, error = made.end()
    assert (code, out, error) == (0, "", "stopped\n")


def test_it_says_where_it_is_and_how_to_end_it(server):
    assert "for this machine only; Ctrl-C ends it" in server.said
    assert "2 → 3 → 1, 25 steps" in server.said


def test_any_step_can_be_opened(server):
    assert server.document()["shown"]["step"] == 25
    document = server.document("/?step=7")
    row = document["steps"][2]["rows"][1]
    again = server.document(f"/?step=7&row={row}")
    assert again["shown"] | {"row": 0} == document["shown"] | {"row": 0}
    assert again["shown"]["row"] == row
    assert document["served"]
    assert document["network"]["inputs"] == ["a", "b"]
    assert document["plane"] is not None


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/?step=0", 400, "step must be from 1 to 25"), ("/?step=x", 400, "must be a whole number"),
     ("/?step=3&row=99", 400, "row 99"), ("/?step=" + "9" * 30, 400, "must be a whole number"),
     ("/../etc/passwd", 404, "there is one page"), ("/favicon.ico", 404, "there is one page")],
)  # fmt: skip
def test_what_there_is_not(server, path, status, message):
    answer, text = server.get(path)
    assert answer.status == status
    assert message in text
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_other_sites_can_not_read_it(server):
    """A name that was made to lead to this machine is refused; nor may others frame the page."""
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1:1", ""):
        answer, text = server.get("/", Host=host)
        assert answer.status == 403
        assert "document" not in text
    answer, _ = server.get("/", Host=f"localhost:{server.port}")
    assert answer.status == 200
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_it_listens_on_the_loopback_only(server):
    sockets = Path("/proc/net/tcp")
    if not sockets.exists():
        pytest.skip("no list of sockets here")
    rows = [line.split() for line in sockets.read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    assert [host for host, port in local if int(port, 16) == server.port] == ["0100007F"]


def test_a_port_that_is_taken(server, chainrule, tmp_path):
    (tmp_path / "own.csv").write_text(TABLE)
    done = chainrule("play", "--no-browser", "own.csv", "--port", server.port)
    assert done.returncode == 2
    assert f"port {server.port} can't be had" in done.stderr


def test_a_browser_that_goes_away_is_no_fault(tmp_path):
    made = Server(tmp_path, "--epochs", "2")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", made.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{made.port}\r\n\r\n".encode())
    assert made.document()["title"] == "moons"
    assert made.end() == (0, "", "stopped\n")


def test_moons_without_a_table(tmp_path):
    made = Server(tmp_path, "--epochs", "2")
    assert made.document()["title"] == "moons"
    assert made.end()[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [(("own.csv", "--columns", "a,z"), "--columns: z can't be read; there are a, b, c"),
     (("own.csv", "--hidden", "0"), "--hidden must be units"),
     (("own.csv", "--target", "klass"), "klass"), (("none.csv",), "none.csv"),
     (("own.csv", "--port", "70000"), "port must be from 0 to 65535, got 70000")],
)  # fmt: skip
def test_what_is_refused(chainrule, tmp_path, words, message):
    (tmp_path / "own.csv").write_text(TABLE)
    done = chainrule("play", "--no-browser", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
