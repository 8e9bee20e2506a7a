"""Imports: real files, repeated, resumed after a kill, and what goes wrong."""

import collections
import gzip
import json
import os
import random
import re
import signal
import subprocess
import unittest

from harness import (PROGRAM, ServerTest, environment, event, on_terminal, run, shared_data,
                     strace)

ASSETS = set("css js mjs map json xml txt png jpg jpeg gif svg webp ico bmp avif tif tiff woff "
             "woff2 ttf otf eot mp3 ogg wav flac m4a aac mp4 webm avi mov mkv zip gz bz2 xz tar "
             "tgz rar 7z zst".split())


def views_by_page(path):
    """The top pages of an access log, counted the obvious way."""
    views = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r'\S+ \S+ \S+ \[[^]]+\] "\S+ (\S+)[^"]*" (\d+) ', line)
            if not match or int(match.group(2)) >= 400:
                continue
            page = re.split("[?#]", match.group(1))[0]
            name = page.rsplit("/", 1)[-1]
            if "." not in name or name.rsplit(".", 1)[-1].lower() not in ASSETS:
                views[page] += 1
    return sorted(views.items(), key=lambda item: (-item[1], item[0]))


class Importing(ServerTest):
    def load(self, *arguments, **more):
        done = run("import", *arguments, "--data", self.data, **more)
        result = json.loads(done.stdout) if done.stdout else None
        return done, result

    def assert_counts(self, result, accepted, duplicates=0, rejected=0):
        self.assertEqual(set(result),
                         {"accepted", "duplicates", "rejected", "truncated", "seconds"})
        self.assertEqual((result["accepted"], result["duplicates"], result["rejected"]),
                         (accepted, duplicates, rejected))

    def test_shows_how_far_it_is_on_a_terminal(self):
        code, shown = on_terminal("import", shared_data("access.log"), "--format", "combined",
                                  "--data", self.data)
        self.assertEqual(code, 0, shown)
        frames = shown.split(b"\r")
        self.assertRegex(frames[1], rb"^access\.log  \[#*-*\]  \d+%  .* lines/s.*\x1b\[K$")
        self.assertLess(max(len(frame) for frame in frames[:-2]), 80 + len(b"\x1b[K"))
        self.assertRegex(frames[-2], rb'^\x1b\[K\{"accepted":10000,.*\}$')

    def test_access_log_counts_once(self):
        log = shared_data("access.log")
        done, result = self.load(log, "--format", "combined")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assert_counts(result, 10_000)
        self.assert_counts(self.load(log, "--format", "combined")[1], 0, 10_000)
        with open(log, "rb") as file:
            renamed = self.path("renamed.gz", gzip.compress(file.read()))
        self.assert_counts(self.load(renamed, "--format", "combined")[1], 0, 10_000)
        self.assertEqual(self.stored_events(), 10_000)
        with self.serve() as server:
            pages = server.ask("/api/stats/hot-pages?window=all&limit=100")["pages"]
        expected = views_by_page(log)[:100]
        self.assertEqual([(page["page_url"], page["views"]) for page in pages], expected)

    def test_resumes_after_a_kill_at_any_point(self):
        log = shared_data("access.log")
        seed = int(os.environ.get("INSIGHTFLOW_SEED", random.randrange(1 << 30)))
        print(f"INSIGHTFLOW_SEED={seed}")
        choose = random.Random(seed)
        points = [("fdatasync", n) for n in (1, 2, 3, 4)]
        points += [("write", choose.randint(20, 80)), ("rename", choose.randint(1, 3))]
        for call, n in points:
            killer = strace("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
            subprocess.run([*killer, PROGRAM, "import", log, "--format", "combined", "--data",
                            self.data], env=environment(ASAN_OPTIONS="detect_leaks=0"),
                           capture_output=True)
        done, result = self.load(log, "--format", "combined")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(result["accepted"] + result["duplicates"], 10_000)
        self.assertEqual(self.stored_events(), 10_000)

    def test_csv_with_a_mapping(self):
        shop = shared_data("ecom.csv.gz")
        done, result = self.load(shop, "--format", "csv", "--map", "event_type=event")
        self.assertEqual(done.returncode, 0, done)
        self.assert_counts(result, 31_106)
        with gzip.open(shop, "rt") as file:
            next(file)
            types = collections.Counter(line.split(",")[2] for line in file)
        with self.serve() as server:
            self.assertEqual(server.ask("/api/stats/events")["events_by_type"], dict(types))
            first = server.ask("/api/user/user_0000/events?limit=1000")["events"][-1]
        self.assertEqual(first["extra_data"]["platform"], "desktop")

    def test_a_missing_column_is_named(self):
        file = self.path("a.csv", b"user_id,timestamp\nu1,1700000000\n")
        done, result = self.load(file, "--format", "csv", "--map", "event_type=kind")
        self.assertEqual((done.returncode, result), (2, None))
        self.assertIn(b"kind", done.stderr)
        self.assertIn(b"a.csv", done.stderr)
        content = b"user_id,timestamp\nu1,1700000000\n"
        for arguments, stdin in [((file,), None), (("-",), content),
                                 ((file, "--map", "event_type=timestamp"), None),
                                 ((file, "--map", "nothing=user_id"), None)]:
            done, result = self.load(*arguments, "--format", "csv", stdin=stdin)
            self.assertEqual((done.returncode, result), (2, None), arguments)
            self.assertFalse(os.path.exists(self.data), "an empty store is left behind")

    def test_what_a_name_does_to_a_terminal_is_not_done(self):
        done, result = self.load(self.path("gone\x1b[2J\nx"))
        self.assertEqual((done.returncode, result), (1, None))
        self.assertRegex(done.stderr, rb"^insightflow: \S+/gone\?\[2J\?x: [^\n]+\n$")

    def test_another_format_is_named_once(self):
        log = b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"\n'
        lines = json.dumps(event(1)).encode() + b"\n"
        cases = [("ndjson", "combined", log * 30), ("ndjson", "combined", b"junk\n" + log),
                 ("ndjson", "csv", b"user_id,event_type,timestamp\n"),
                 ("ndjson", "csv", b"who,what\r\na,b\r\n" * 30),
                 ("csv", "combined", log * 30), ("csv", "ndjson", lines),
                 ("combined", "ndjson", lines * 30)]
        for given, likely, content in cases:
            for name, stdin in [(self.path("some.file", content), None), ("-", content)]:
                done, result = self.load(name, "--format", given, stdin=stdin)
                self.assertEqual((done.returncode, result), (2, None), done)
                self.assertRegex(done.stderr.decode(),
                                 rf"^insightflow: \S+ does not look like {given} but like "
                                 rf"{likely}: say --format {likely}\n$")
        self.assertFalse(os.path.exists(self.data))
        done, result = self.load(self.path("junk", b"no\nidea, what\n"))
        self.assertEqual(done.returncode, 1)
        self.assert_counts(result, 0, rejected=2)

    def test_stdin_and_members_of_gzip(self):
        lines = [json.dumps(event(i)).encode() + b"\n" for i in range(6)]
        self.assert_counts(self.load("-", stdin=b"".join(lines[:2]))[1], 2)
        members = gzip.compress(lines[2]) + gzip.compress(b"") + gzip.compress(lines[3])
        self.assert_counts(self.load("-", stdin=members)[1], 2)
        both = [self.path("two", members), self.path("rest", b"".join(lines))]
        self.assert_counts(self.load(*both)[1], 2, 6)
        self.assert_counts(self.load("-", stdin=b"")[1], 0)
        self.assert_counts(self.load("-", stdin=lines[0].rstrip())[1], 0, 1)

    def test_damaged_gzip_is_told(self):
        packed = gzip.compress(b"".join(json.dumps(event(i)).encode() + b"\n" for i in range(99)))
        short = self.path("short.gz", packed[:-20])
        done, result = self.load(short)
        self.assertEqual((done.returncode, result), (1, None))
        self.assertIn(b"short.gz", done.stderr)
        junk = self.path("junk.gz", packed + b"not gzip")
        done, result = self.load(junk)
        self.assertEqual((done.returncode, result), (1, None))
        whole = self.path("whole.gz", packed)
        result = self.load(whole)[1]
        self.assertEqual(result["accepted"] + result["duplicates"], 99)
        self.assertEqual(self.stored_events(), 99)

    def test_rejected_lines_are_shown_and_counted(self):
        lines = [b"nonsense", json.dumps(event(1)).encode()] + [b"{}"] * 20
        file = self.path("some.ndjson", b"\n".join(lines) + b"\n")
        done, result = self.load(file)
        self.assertEqual(done.returncode, 0)
        self.assert_counts(result, 1, rejected=21)
        shown = done.stderr.decode().splitlines()
        self.assertEqual(len(shown), 11)
        self.assertRegex(shown[0], r"some\.ndjson:1: bad_line: ")
        self.assertRegex(shown[1], r"some\.ndjson:3: missing_field: ")
        self.assertIn("11 more", shown[-1])
        done, result = self.load(self.path("bad.ndjson", b"{}\n"))
        self.assertEqual(done.returncode, 1)
        self.assert_counts(result, 0, rejected=1)

    def test_equal_lines_of_two_sources_differ(self):
        line = b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"\n'
        file = self.path("one.log", line * 3)
        load = [file, "--format", "combined"]
        self.assert_counts(self.load(*load, "--source", "a")[1], 3)
        self.assert_counts(self.load(*load, "--source", "b")[1], 3)
        self.assert_counts(self.load(*load, "--source", "a")[1], 0, 3)

    def test_an_interrupt_stops_cleanly(self):
        command = [PROGRAM, "import", "-", "--data", self.data]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment()) as process:
            lines = b"".join(json.dumps(event(i)).encode() + b"\n" for i in range(20_000))
            process.stdin.write(lines)  # more than a pipe holds: it has been read
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(), 130)
            self.assertIn(b"interrupted", process.stderr.read())
            self.assertEqual(process.stdout.read(), b"")
        result = self.load("-", stdin=lines)[1]
        self.assertEqual(result["accepted"] + result["duplicates"], 20_000)
        self.assertEqual(self.stored_events(), 20_000)


if __name__ == "__main__":
    unittest.main()
