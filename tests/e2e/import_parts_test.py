"""A large file without event ids, by --data and by --url: each line counts once, whichever way and
however often it comes."""

import gzip
import json
import os
import random
import subprocess
import unittest

from harness import (PATIENCE, PROGRAM, Server, ServerTest, await_condition, environment,
                     run)

BEGIN = 1_767_225_600_000  # 2026-01-01
PART = 4 << 20
LINES = 80_000


def url(server):
    return f"http://127.0.0.1:{server.port}"


def seeded():
    seed = int(os.environ.get("INSIGHTFLOW_SEED", random.randrange(1 << 32)))
    print(f"INSIGHTFLOW_SEED={seed}", flush=True)
    return random.Random(seed)


def ndjson(kind):
    return json.dumps({"user_id": f"u{kind % 50}", "event_type": "view", "page_title": "x" * 110,
                       "timestamp": BEGIN + kind})


def combined(kind):
    time = f"10/Oct/2025:{kind // 3600 % 24:02}:{kind // 60 % 60:02}:{kind % 60:02} +0000"
    return f'192.0.2.{kind % 200} - - [{time}] "GET /p{kind} HTTP/1.1" 200 5 "-" "{"y" * 100}"'


def csv(kind):
    return f'u{kind % 50},view,{BEGIN + kind},"two\nlines, ""{kind}"" {"y" * 130}"'


def large(line, chance, lines=LINES):
    """Lines that are there once, a few times, very often, or in a row; bad, blank and CRLF ones
    too. Equal ones stand to both sides of every border of parts. Returns the text, the number of
    events and that of bad lines."""
    texts = []
    size = bad = blank = 0
    for n in range(lines):
        odds = chance.random()
        near_border = PART - 20_000 < size % PART or size % PART < 20_000
        if near_border or odds < 0.3:
            text = line(chance.randrange(3))
        elif odds < 0.6:
            text = line(chance.randrange(20_000))
        elif odds < 0.601:
            text = "nonsense"
            bad += 1
        elif odds < 0.602:
            text = ""
            blank += 1
        else:
            text = line(100_000 + n)
        texts.append(text + ("\r\n" if odds > 0.9 else "\n"))
        size += len(texts[-1])
    return "".join(texts), lines - bad - blank, bad


class Imports(ServerTest):
    def setUp(self):
        super().setUp()
        self.chance = seeded()

    def counts(self, done):
        self.assertEqual(done.returncode, 0, done)
        answer = json.loads(done.stdout.splitlines()[-1])
        return answer["accepted"], answer["duplicates"], answer["rejected"]

    def by_data(self, file, form, data, *more):
        return self.counts(run("import", file, "--format", form, "--data", data, *more))

    def by_url(self, file, form, server, *more):
        return self.counts(run("import", file, "--format", form, "--url", url(server), *more))


class BothWays(Imports):
    def check_both_orders(self, form, text, events, bad):
        self.assertGreater(len(text), 3 * PART)
        file = self.path(f"large.{form}", text.encode())
        self.assertEqual(self.by_data(file, form, self.data), (events, 0, bad))
        with self.serve() as server:
            self.assertEqual(self.by_url(file, form, server), (0, events, bad))
            packed = self.path("other.gz", gzip.compress(text.encode(), 1))
            self.assertEqual(self.by_url(packed, form, server), (0, events, bad))
            server.stop()
        other = self.path("other")
        with Server(other) as server:
            self.assertEqual(self.by_url(file, form, server), (events, 0, bad))
            server.stop()
        self.assertEqual(self.by_data(file, form, other), (0, events, bad))
        return file

    def test_json_lines(self):
        text, events, bad = large(ndjson, self.chance)
        file = self.check_both_orders("ndjson", text, events, bad)
        again = text.splitlines(keepends=True)[0]
        with open(file, "a", encoding="utf-8", newline="") as more:
            more.write(again * 3)
        with self.serve() as server:
            self.assertEqual(self.by_url(file, "ndjson", server), (3, events, bad))
            self.assertEqual(self.by_url(file, "ndjson", server, "--source", "web2"),
                             (events + 3, 0, bad))
            server.stop()
        self.assertEqual(self.by_data(file, "ndjson", self.data), (0, events + 3, bad))
        self.assertEqual(self.by_data(file, "ndjson", self.data, "--source", "web2"),
                         (0, events + 3, bad))

    def test_access_logs(self):
        self.check_both_orders("combined", *large(combined, self.chance))

    def test_csv(self):
        text, events, bad = large(csv, self.chance)
        header = "user_id,event_type,timestamp,page_title\n"
        self.check_both_orders("csv", header + text, events, bad)


class Interrupted(Imports):
    def begin(self, server, text):
        """An import that waits for more once the server has a part of it."""
        process = subprocess.Popen([PROGRAM, "import", "-", "--url", url(server)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        self.addCleanup(process.kill)
        process.stdin.write(text[:len(text) * 3 // 4].encode())
        process.stdin.flush()
        await_condition(lambda: self.total(server) > 0, "the first part")
        return process

    def total(self, server):
        return server.ask("/api/stats/events")["total_events"]

    def test_killed_midway(self):
        text, events, bad = large(ndjson, self.chance)
        file = self.path("large.ndjson", text.encode())
        with self.serve() as server:
            process = self.begin(server, text)
            process.kill()
            process.communicate()
            there = self.total(server)
            self.assertLess(there, events)
            accepted, known, rejected = self.by_url(file, "ndjson", server)
            self.assertEqual((accepted + known, rejected), (events, bad))
            self.assertEqual(self.total(server), events)
            server.stop()
        self.assertEqual(self.by_data(file, "ndjson", self.data), (0, events, bad))

    def test_the_server_ends_midway(self):
        text, events, bad = large(ndjson, self.chance)
        file = self.path("large.ndjson", text.encode())
        with self.serve() as server:
            process = self.begin(server, text)
            server.kill()
            _, words = process.communicate(text[len(text) * 3 // 4:].encode(), PATIENCE)
            self.assertEqual(process.returncode, 1)
            self.assertRegex(words.decode(), r"\Ainsightflow: http://[^\n]+\n\Z")
        with self.serve() as server:
            self.assertGreater(self.total(server), 0)
            accepted, known, rejected = self.by_url(file, "ndjson", server)
            self.assertEqual((accepted + known, rejected), (events, bad))
            self.assertGreater(known, 0)
            self.assertEqual(self.total(server), events)
            server.stop()
        self.assertEqual(self.by_data(file, "ndjson", self.data), (0, events, bad))

    def test_two_at_once(self):
        text, events, bad = large(ndjson, self.chance)
        file = self.path("large.ndjson", text.encode())
        with self.serve() as server:
            both = [subprocess.Popen([PROGRAM, "import", file, "--url", url(server)],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env=environment()) for _ in range(2)]
            accepted = 0
            for process in both:
                out, words = process.communicate(timeout=PATIENCE)
                self.assertEqual(process.returncode, 0, words)
                answer = json.loads(out)
                self.assertEqual(answer["accepted"] + answer["duplicates"], events)
                self.assertEqual(answer["rejected"], bad)
                accepted += answer["accepted"]
            self.assertEqual(accepted, events)
            self.assertEqual(self.total(server), events)


if __name__ == "__main__":
    unittest.main()
