"""--url: a running server is asked, and what comes out is what --data gives."""

import gzip
import json
import os
import signal
import socket
import subprocess
import threading
import unittest

from harness import (PATIENCE, PROGRAM, ServerTest, environment, event, on_terminal, run,
                     shared_data)

BEGIN = 1_767_225_600_000  # 2026-01-01


def url(server):
    return f"http://127.0.0.1:{server.port}"


class Asking(ServerTest):
    def test_queries_answer_the_same(self):
        query = self.path("query.json", b'{"kind":"top","limit":3,"measure":"users"}')
        table = b"page_url"
        with self.serve() as server:
            server.collect([event(n) for n in range(40)])
            there = run("query", query, "--url", url(server))
            from_stdin = run("query", "-", "--url", url(server) + "/",
                             stdin=b'{"kind":"top","limit":3,"measure":"users"}')
            code, shown = on_terminal("query", query, "--url", url(server))
            self.assertEqual(code, 0)
            self.assertIn(table, shown)
            server.stop()
        here = run("query", query, "--data", self.data)
        for done in (there, from_stdin, here):
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertTrue(done.stdout.endswith(b"}\n"))
        answers = [json.loads(done.stdout) for done in (there, from_stdin, here)]
        for answer in answers:
            answer["meta"].pop("query_ms")
        self.assertEqual(answers[0], answers[2])
        self.assertEqual(answers[1], answers[2])
        _, expected = on_terminal("query", query, "--data", self.data)
        self.assertEqual(shown.rsplit(b"\r\n", 2)[0], expected.rsplit(b"\r\n", 2)[0])

    def test_a_stored_funnel_is_the_servers(self):
        known = self.path("known.json", b'{"kind":"funnel","funnel_id":"default"}')
        unknown = self.path("unknown.json", b'{"kind":"funnel","funnel_id":"none"}')
        with self.serve() as server:
            server.collect([event(1)])
            done = run("query", known, "--url", url(server))
            self.assertEqual(json.loads(done.stdout)["total_users"], 1)
            done = run("query", unknown, "--url", url(server))
            server.stop()
        here = run("query", unknown, "--data", self.data)
        for one in (done, here):
            self.assertEqual((one.returncode, one.stdout), (here.returncode, b""))
            self.assertIn(b"funnel_id: ", one.stderr)

    def test_mistakes_are_told_the_same(self):
        bad = self.path("bad.json", b'{"kind":"funel"}')
        long = self.path("long.json", b'{"kind":"sessions","from":0,"to":1767225600000}')
        with self.serve() as server:
            there = run("query", bad, "--url", url(server))
            self.assertEqual((there.returncode, there.stdout), (2, b""))
            too_long = run("query", long, "--url", url(server))
            self.assertEqual(too_long.returncode, 2)
            self.assertIn(b"400", too_long.stderr)
            filters = run("export", "--url", url(server), "--filter", "nothing=1")
            here = run("query", bad, "--data", self.data)
            server.stop()
        self.assertEqual(there.stderr, here.stderr)
        with self.serve() as server:
            server.stop()
        self.assertEqual(filters.stderr,
                         run("export", "--data", self.data, "--filter", "nothing=1").stderr)
        self.assertEqual(filters.returncode, 2)

    def test_nobody_answers(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            there = f"http://127.0.0.1:{bound.getsockname()[1]}"
            file = self.path("q.json", b'{"kind":"sessions"}')
            for command in (["query", file], ["export"], ["import", file, "--format", "ndjson"]):
                done = run(*command, "--url", there)
                self.assertEqual((done.returncode, done.stdout), (1, b""), done)
                self.assertRegex(done.stderr.decode(), rf"^insightflow: {there}: [^\n]+\n$")
        for wrong in ("127.0.0.1:80", "https://127.0.0.1", "http://"):
            self.assertEqual(run("query", file, "--url", wrong).returncode, 2)
        both = run("query", file, "--url", there, "--data", self.data)
        self.assertEqual(both.returncode, 2)
        self.assertIn(b"--url", both.stderr)

    def test_a_flag_wins_over_the_other_ones_variable(self):
        file = self.path("q.json", b'{"kind":"sessions"}')
        with self.serve() as server:
            server.collect([event(1)])
            done = run("query", file, "--url", url(server),
                       env=environment(INSIGHTFLOW_DATA=self.path("none")))
            self.assertEqual(done.returncode, 0, done)
            done = run("query", file, env=environment(INSIGHTFLOW_URL=url(server)))
            self.assertEqual(done.returncode, 0, done)
            done = run("query", file, "--data", self.data,
                       env=environment(INSIGHTFLOW_URL=url(server)))
            self.assertIn(b"in use", done.stderr)


class Exporting(ServerTest):
    def test_exports_are_the_same(self):
        options = [[], ["--format", "csv"], ["--from", "2026-01-02", "--to", "2026-01-04"],
                   ["--filter", "user_id=u1", "--filter",
                    '[{"field":"extra_data.price","op":"gte","value":5}]',
                    "--filter", "extra_data.paid=true"]]
        with self.serve() as server:
            for first in range(0, 5000, 500):
                server.collect([event(n, timestamp=BEGIN + n * 60_000, element_text="x=1&\n\u00e9",
                                      extra_data={"price": n % 9, "paid": n % 2 == 0})
                                for n in range(first, first + 500)])
            there = [run("export", "--url", url(server), *more) for more in options]
            file = self.path("out.ndjson")
            whole = run("export", "--url", url(server), "-o", file)
            self.assertEqual((whole.returncode, whole.stdout, whole.stderr), (0, b"", b""))
            server.stop()
        here = [run("export", "--data", self.data, *more) for more in options]
        for got, expected in zip(there, here):
            self.assertEqual((got.returncode, got.stderr), (0, b""))
            self.assertEqual(got.stdout, expected.stdout)
            self.assertTrue(got.stdout)
        with open(file, "rb") as written:
            self.assertEqual(written.read(), here[0].stdout)

    def test_a_part_is_not_taken_for_the_whole(self):
        def answer(bytes_sent):
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                               bytes_sent)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            there = f"http://127.0.0.1:{listener.getsockname()[1]}"
            thread = threading.Thread(target=answer, args=(b"3\r\n{}\n\r\n",))
            thread.start()
            done = run("export", "--url", there, "-o", self.path("out"))
            thread.join()
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"closed before", done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_ends_cleanly_with_its_reader_and_at_a_signal(self):
        run("import", shared_data("access.log"), "--format", "combined", "--data", self.data)
        with self.serve() as server:
            command = [PROGRAM, "export", "--url", url(server)]
            for end, code, words in (("close", 141, b""), ("signal", 130, b"interrupted")):
                with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=environment()) as process:
                    self.assertTrue(process.stdout.readline().endswith(b"}\n"))
                    if end == "close":
                        process.stdout.close()
                    else:
                        process.send_signal(signal.SIGINT)
                    self.assertEqual(process.wait(PATIENCE), code)
                    self.assertIn(words, process.stderr.read())
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 10_000)


class Importing(ServerTest):
    def counts(self, done, code=0):
        self.assertEqual(done.returncode, code, done)
        answer = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(set(answer), {"accepted", "duplicates", "rejected", "truncated",
                                       "seconds"})
        return answer["accepted"], answer["duplicates"], answer["rejected"]

    def test_an_access_log_counts_once(self):
        log = shared_data("access.log")
        with self.serve() as server:
            def load(file=log, stdin=None):
                return run("import", file, "--format", "combined", "--url", url(server),
                           stdin=stdin)

            self.assertEqual(self.counts(load()), (10_000, 0, 0))
            self.assertEqual(self.counts(load()), (0, 10_000, 0))
            with open(log, "rb") as lines:
                content = lines.read()
            self.assertEqual(self.counts(load("-", content)), (0, 10_000, 0))
            packed = self.path("packed.gz", gzip.compress(content))
            self.assertEqual(self.counts(load(packed)), (0, 10_000, 0))
            wrong = run("import", log, "--url", url(server))
            self.assertEqual(wrong.returncode, 2)
            self.assertIn(b"--format combined", wrong.stderr)
            server.stop()
        again = run("import", log, "--format", "combined", "--data", self.data)
        self.assertEqual(self.counts(again), (0, 10_000, 0))

    def test_a_file_of_many_parts(self):
        """Three parts; lines without ids, equal ones among them, in each."""
        text = "x" * 150
        lines = [json.dumps({"user_id": f"u{n % 50}", "event_type": "view", "page_title": text,
                             "timestamp": BEGIN + n // 2}) for n in range(40_000)]
        lines[5] = lines[30_000] = "nonsense"
        file = self.path("many.ndjson", "\n".join(lines).encode())
        with self.serve() as server:
            done = run("import", file, "--url", url(server))
            self.assertEqual(self.counts(done), (39_998, 0, 2))
            for line in (6, 30_001):
                self.assertRegex(done.stderr.decode(), rf"many\.ndjson:{line}: bad_line: ")
            self.assertEqual(self.counts(run("import", file, "--url", url(server))),
                             (0, 39_998, 2))
            with open(file, "ab") as more:
                more.write(b"\n" + lines[0].encode() + b"\n")
            self.assertEqual(self.counts(run("import", file, "--url", url(server))),
                             (1, 39_998, 2))
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 39_999)

    def test_csv_of_many_parts(self):
        rows = "".join(f'u{n % 9},view,{BEGIN + n},"two\nlines, ""{n}"" {"y" * 100}"\n'
                       for n in range(50_000))
        content = ("user_id,event_type,timestamp,page_title\n" + rows + "u,view,never,x\n").encode()
        file = self.path("many.csv", content)
        with self.serve() as server:
            done = run("import", file, "--format", "csv", "--url", url(server))
            self.assertEqual(self.counts(done), (50_000, 0, 1))
            self.assertIn(f"many.csv:{50_000 * 2 + 2}: bad_time".encode(), done.stderr)
            server.stop()
        here = run("import", file, "--format", "csv", "--data", self.path("here"))
        self.assertEqual(self.counts(here), (50_000, 0, 1))
        self.assertEqual(here.stderr, done.stderr)

    def test_what_the_server_refuses_is_told(self):
        nonsense = self.path("nonsense", b"one\ntwo\n")
        large = self.path("large.ndjson", b'{"user_id":"u"}\n' * 500)
        with self.serve("--body-max", "1KiB", "--import-max", "1KiB") as server:
            done = run("import", nonsense, "--url", url(server))
            self.assertEqual(self.counts(done, 1), (0, 0, 2))
            done = run("import", large, "--url", url(server))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertRegex(done.stderr.decode(), r"^insightflow: http://[^\n]+ large[^\n]*\n$")
            missing = run("import", self.path("none"), "--url", url(server))
            self.assertEqual(missing.returncode, 1)
            self.assertEqual(self.counts(run("import", os.devnull, "--url", url(server))),
                             (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
