"""What the end-to-end tests share: a server on a free port over a folder of its own, and the means
to stop it in every way."""

import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ["INSIGHTFLOW_BIN"]
SOURCE = os.environ["INSIGHTFLOW_SOURCE_DIR"]
# Sanitized programs are several times slower.
PATIENCE = 120 if os.environ.get("INSIGHTFLOW_SANITIZE") else 30
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"  # a time in an answer


def shared_data(name):
    """A file of real input. The test fails when it is missing."""
    path = os.path.join(SOURCE, "..", "shared", "data", name)
    if not os.path.exists(path):
        raise AssertionError(f"the real input ../shared/data/{name} is missing")
    return path


def environment(**more):
    """The tests' own environment names settings too; only the named ones reach the program."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("INSIGHTFLOW_")}
    return {**kept, **more}


def run(*arguments, stdin=None, env=None, timeout=PATIENCE):
    """One command to its end."""
    return subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, timeout=timeout,
                          env=env or environment())


def on_terminal(*arguments):
    """One command on a terminal: its exit code, and all that the terminal shows."""
    terminal, ends = os.openpty()
    shown = b""
    end = b"\0the end\0"
    try:
        # The command's side stays open here too: when the last one closes, the kernel may drop
        # what is still on its way.
        child = subprocess.Popen([PROGRAM, *arguments], stdin=ends, stdout=ends, stderr=ends,
                                 env=environment(), start_new_session=True)
        overdue = threading.Timer(PATIENCE, child.kill)
        overdue.start()
        waiting = threading.Thread(target=lambda: (child.wait(), os.write(ends, end)))
        waiting.start()
        while not shown.endswith(end):
            shown += os.read(terminal, 4096)
        waiting.join()
        overdue.cancel()
    finally:
        os.close(ends)
        os.close(terminal)
    return child.returncode, shown[:-len(end)]


def strace(*options, output="/dev/null"):
    """Runs a program under strace, which stops it only at the calls that are traced. Without an
    output its lines would mix with the program's on stderr."""
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", output, *options]


def event(number, **fields):
    return {"event_id": f"e{number}", "user_id": f"u{number % 7}", "session_id": "s1",
            "event_type": "view", "page_url": f"/p{number % 5}",
            "timestamp": int(time.time() * 1000), **fields}


def await_condition(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Server:
    """`insightflow serve`. With `wrapper`, another program that runs it."""

    def __init__(self, data, *options, wrapper=(), env=None):
        # LeakSanitizer cannot work in a traced process.
        traced = {"ASAN_OPTIONS": "detect_leaks=0"} if wrapper else {}
        self.process = subprocess.Popen(
            [*wrapper, PROGRAM, "serve", "--data", data, "--listen", "127.0.0.1:0", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**(env or environment()), **traced}, start_new_session=True)
        self.wrapped = bool(wrapper)
        self.lines = []
        self.port = None
        self._settled = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.lines.append(line)
            match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if match:
                self.port = int(match.group(1))
                self._settled.set()
        self._settled.set()

    def await_listening(self):
        """False when it ended before it listened."""
        if not self._settled.wait(PATIENCE):
            raise AssertionError("the server neither listens nor ends")
        return self.port is not None

    def __enter__(self):
        if not self.await_listening():
            self.process.wait()
            raise AssertionError("the server did not start:\n" + self.log())
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.kill()
        self._reader.join()
        self.process.stderr.close()

    def log(self):
        return "\n".join(self.lines)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def ask(self, path):
        """The JSON of a call that must succeed."""
        answer = self.get(path)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body!r}")
        return answer.json()

    def collect(self, events, path="/api/events", content_type="application/json", **headers):
        body = events if isinstance(events, (bytes, str)) else json.dumps({"events": events})
        if content_type:
            headers["Content-Type"] = content_type
        return self.request("POST", path, body, headers)

    def pid(self):
        """Of the server itself, also when something else runs it."""
        pid = self.process.pid
        while self.wrapped:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                below = children.read().split()
            if not below:
                break
            pid = int(below[0])
        return pid

    def stop(self):
        """SIGTERM; the exit code."""
        os.kill(self.pid(), signal.SIGTERM)
        return self.wait()

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join()
        return code

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait()


class ServerTest(unittest.TestCase):
    """A test with a folder of its own; `self.data` is a store in it that does not exist yet."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="insightflow-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = os.path.join(folder.name, "data")

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def serve(self, *options, **more):
        return Server(self.data, *options, **more)

    def stored_events(self):
        """As a check of every checksum counts them."""
        done = run("check", "--data", self.data)
        self.assertEqual(done.returncode, 0, done)
        report = json.loads(done.stdout)
        self.assertEqual(report["damage"], [])
        return report["events"]
