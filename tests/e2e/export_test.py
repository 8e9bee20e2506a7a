"""Exports: by the command line and over HTTP, imported again, and what ends one early."""

import csv
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import unittest

from harness import PATIENCE, PROGRAM, ServerTest, environment, event, run, shared_data


def nasty_events():
    texts = ["=1+1", "+1", "-1", "@a", "'=x", "''", "a,b", 'say "hi"', "two\nlines", "tab\t", "\r",
             "caf\u00e9", "\U0001f600", "\u0001\u007f", "\\", "null", "00"]
    return [event(n, element_text=text, page_title=text[::-1], position_x=-n, seq=n, tab_id="t",
                  extra_data={"text": text, "n": n, "deep": {"list": [1.5, None, True]}})
            for n, text in enumerate(texts)]


def by_id(lines):
    return {one["event_id"]: one for one in map(json.loads, lines.splitlines())}


class Exporting(ServerTest):
    def load(self, name, content, data=None, *options):
        path = self.path(name, content)
        done = run("import", path, "--data", data or self.data, *options)
        self.assertEqual(done.returncode, 0, done)
        return json.loads(done.stdout)

    def load_lines(self, events):
        text = "".join(json.dumps(one) + "\n" for one in events)
        return self.load("in.ndjson", text.encode())

    def load_log(self):
        done = run("import", shared_data("access.log"), "--format", "combined", "--data", self.data)
        self.assertEqual(json.loads(done.stdout)["accepted"], 10_000)

    def export(self, *options, data=None):
        done = run("export", "--data", data or self.data, *options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout

    def test_comes_back_as_it_was(self):
        events = nasty_events()
        self.load_lines(events)
        for name in ("ndjson", "csv"):
            lines = self.export("--format", name)
            other = self.path(f"{name}-store")
            result = self.load(f"again.{name}", lines, other, "--format", name)
            self.assertEqual((result["accepted"], result["rejected"]), (len(events), 0))
            back = by_id(self.export(data=other))
            self.assertEqual(back, {one["event_id"]: one for one in events})
        rows = list(csv.DictReader(io.StringIO(self.export("--format", "csv").decode(),
                                               newline="")))
        self.assertEqual(len(rows), len(events))
        for row in rows:
            for cell in (row["element_text"], row["page_title"]):
                self.assertNotIn(cell[:1], set("=+-@\t\r"))
            self.assertIn("text", json.loads(row["extra_data"]))

    def test_a_real_log_comes_back_as_it_was(self):
        self.load_log()
        lines = self.export()
        for format_name in ("ndjson", "csv"):
            other = self.path(f"{format_name}-store")
            again = self.export("--format", format_name)
            self.assertEqual(self.load("again", again, other, "--format", format_name)["accepted"],
                             10_000)
            self.assertEqual(sorted(self.export(data=other).splitlines()),
                             sorted(lines.splitlines()))

    def test_takes_a_range_and_filters(self):
        self.load_lines([event(n, timestamp=1_700_000_000_000 + n * 3_600_000,
                               extra_data={"price": n, "paid": n % 2 == 0}) for n in range(48)])

        def ids(*options):
            return {int(one[1:]) for one in by_id(self.export(*options))}

        self.assertEqual(ids("--from", "1700003600000", "--to", "1700010800000"), {1, 2})
        # 1,700,000,000 is 2023-11-14T22:13:20Z.
        self.assertEqual(ids("--from", "2023-11-15", "--to", "2023-11-15T04:00:00+01:00"),
                         {2, 3, 4})
        self.assertEqual(ids("--filter", "user_id=u1"), set(range(1, 48, 7)))
        self.assertEqual(ids("--filter", "extra_data.price=7"), {7})
        self.assertEqual(ids("--filter", "extra_data.paid=true", "--filter",
                             '{"field":"extra_data.price","op":"gte","value":40}'),
                         {40, 42, 44, 46})
        self.assertEqual(ids("--filter", '[{"field":"page_url","op":"in","value":["/p1"]}]'),
                         set(range(1, 48, 5)))
        for options in (["--from", "yesterday"], ["--filter", "page_url"], ["--filter", "{}"],
                        ["--filter", "no_such_field=1"], ["--from", "2024-01-01", "--to", "5"]):
            done = run("export", "--data", self.data, *options)
            self.assertEqual((done.returncode, done.stdout), (2, b""), options)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_writes_a_file_in_whole_or_not_at_all(self):
        self.load_lines(nasty_events())
        out = self.path("out.ndjson")
        self.assertEqual(self.export("-o", out), b"")
        with open(out, "rb") as file:
            self.assertEqual(file.read(), self.export())
        self.assertEqual(run("export", "--data", self.data, "-o", "/dev/full").returncode, 1)
        self.assertEqual(run("export", "--data", self.data, "-o",
                             self.path("none") + "/x").returncode, 1)
        missing = run("export", "--data", self.path("nowhere"), "-o", self.path("left"))
        self.assertEqual(missing.returncode, 1)
        left = set(os.listdir(self.folder))
        self.assertEqual(left, {"data", "in.ndjson", "out.ndjson"})

    def test_ends_cleanly_with_its_reader_and_at_a_signal(self):
        self.load_log()
        command = [PROGRAM, "export", "--data", self.data]
        for end, code, words in (("close", 141, b""), ("signal", 130, b"interrupted")):
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=environment()) as process:
                self.assertTrue(process.stdout.readline().endswith(b"}\n"))
                if end == "close":
                    process.stdout.close()
                else:
                    process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(PATIENCE), code)
                said = process.stderr.read()
                self.assertIn(words, said)
                self.assertEqual(said == b"", words == b"")
        self.assertEqual(self.stored_events(), 10_000)

    def test_over_http(self):
        self.load_log()
        expected = {name: self.export("--format", name) for name in ("ndjson", "csv")}
        with self.serve() as server:
            for name, media in (("ndjson", "application/x-ndjson"),
                                ("csv", "text/csv; charset=utf-8; header=present")):
                answer = server.get(f"/api/export?format={name}")
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, media))
                self.assertEqual(answer.headers["Content-Disposition"],
                                 f'attachment; filename="events.{name}"')
                self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
                self.assertEqual(answer.body, expected[name])
            old = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            with old, old.makefile("rb") as stream:
                old.sendall(b"GET /api/export HTTP/1.0\r\n\r\n")
                head, body = stream.read().split(b"\r\n\r\n", 1)
                self.assertNotIn(b"chunked", head)
                self.assertEqual(body, expected["ndjson"])
            few = server.get('/api/export?filters=[{"field":"user_id","op":"eq","value":"nobody"}]')
            self.assertEqual((few.status, few.body), (200, b""))
            for query in ("format=xml", "from=now", "filters=1", "from=2&to=1",
                          'filters={"field":"nothing","op":"exists"}',
                          'filters={"field":"seq","op":"contains","value":"1"}'):
                answer = server.get("/api/export?" + query)
                self.assertEqual(answer.status, 400, query)
                self.assertIn("error", answer.json())
            self.assertEqual(server.stop(), 0)

    def test_clients_that_leave_or_dawdle_cost_nothing(self):
        self.load_log()
        with self.serve("--log-format", "json") as server:
            for _ in range(20):  # more than may be under way at once
                client = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
                client.sendall(b"GET /api/export HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200"))
                client.close()
                self.await_room(server)
            slow = []
            for _ in range(4):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", server.port))
                client.sendall(b"GET /api/export HTTP/1.1\r\nHost: a\r\n\r\n")
                slow.append(client)
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 10_000)
            self.assertEqual(server.collect([event(1)]).status, 200)
            for client in slow:
                client.close()
            self.await_room(server)
            self.assertEqual(server.stop(), 0)
        self.assertIn('"cut_off":1', server.log())

    def await_room(self, server):
        for _ in range(1000):
            if server.get("/api/export").status == 200:
                return
        self.fail("no export is taken any more")

    def test_import_over_http(self):
        lines = "".join(json.dumps(one) + "\n" for one in nasty_events())
        with self.serve("--body-max", "1KiB", "--import-max", "64KiB") as server:
            def post(body, media, query=""):
                return server.request("POST", "/api/import" + query, body, {"Content-Type": media})

            first = post(lines, "application/x-ndjson").json()
            self.assertEqual({name: first[name] for name in ("accepted", "duplicates", "rejected",
                                                             "truncated", "errors")},
                             {"accepted": 17, "duplicates": 0, "rejected": 0, "truncated": 0,
                              "errors": []})
            again = post(lines, "application/x-ndjson; charset=utf-8").json()
            self.assertEqual(again["duplicates"], 17)
            back = server.get("/api/export?format=csv").body
            self.assertEqual(post(back, "text/csv").json()["duplicates"], 17)
            mixed = post("user_id,event_type,timestamp\nu,view,1700000000\nu,view,never\n",
                         "text/csv").json()
            self.assertEqual((mixed["accepted"], mixed["rejected"]), (1, 1))
            self.assertEqual((mixed["errors"][0]["line"], mixed["errors"][0]["code"]),
                             (3, "bad_time"))
            self.assertEqual(post("user_id\nu\n", "text/csv").status, 400)
            self.assertEqual(post("nonsense\n", "application/x-ndjson").status, 400)
            self.assertEqual(post(lines, "application/json").status, 415)
            self.assertEqual(post("x" * (65 << 10), "text/csv").status, 413)
            self.assertEqual(server.collect("x" * 2000).status, 413)
            self.assertEqual(server.stop(), 0)
        self.assertEqual(self.stored_events(), 18)

    def test_an_export_that_is_broken_off_does_not_look_whole(self):
        self.load_log()
        with self.serve() as server:
            connection = server.connect()
            connection.request("GET", "/api/export")
            answer = connection.getresponse()
            self.assertTrue(answer.read(100))
            server.kill()
            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
            connection.close()


if __name__ == "__main__":
    unittest.main()
