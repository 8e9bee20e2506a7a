"""The command line: what it says, and with which exit code, when something is wrong."""

import json
import os
import socket
import unittest

from harness import Server, ServerTest, environment, event, on_terminal, run


class Mistakes(ServerTest):
    def assert_fails(self, done, code, *words):
        """One line that begins with the program's name, and nothing on stdout."""
        error = done.stderr.decode()
        self.assertEqual(done.returncode, code, error)
        self.assertEqual(done.stdout, b"")
        self.assertRegex(error, r"^insightflow: [^\n]+\n$")
        for word in words:
            self.assertIn(word, error)

    def test_wrong_options(self):
        serve = ["serve", "--data", self.data]
        cases = [
            ([], "subcommand"),
            (["server"], "server: there is no such command"),
            (["serve"], "--data"),
            ([*serve, "--port", "1"], "--port"),
            ([*serve, "--durability", "maybe"], "maybe"),
            ([*serve, "--dedupe-memory", "lots"], "lots"),
            ([*serve, "--dedupe-memory", "10KiB"], "at least 1MiB"),
            ([*serve, "--listen", "8080"], "127.0.0.1:8080"),
            ([*serve, "--listen", "127.0.0.1:99999"], "99999"),
            ([*serve, "--listen", "::1:80"], "::1:80"),
            ([*serve, "--trusted-proxy", "10.0.0.0/33"], "--trusted-proxy 10.0.0.0/33"),
            (["import", "--data", self.data], "name a file"),
            (["import", "x", "--data", self.data, "--format", "xml"], "xml"),
            (["import", "x", "--data", self.data, "--map", "a=b"], "csv"),
            (["import", "x", "--data", self.data, "--format", "csv", "--map", "ab"], "ab"),
            (["check"], "--data"),
        ]
        for arguments, word in cases:
            self.assert_fails(run(*arguments), 2, word)
        self.assertFalse(os.path.exists(self.data))

    def test_help_and_version(self):
        for command in ["serve", "import", "query", "export", "fold", "check"]:
            done = run(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b"INSIGHTFLOW_DATA", done.stdout)
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.decode(), r"^insightflow \d+\.\d+\.\d+\n$")

    def test_serving_others_needs_a_word(self):
        arguments = ["serve", "--data", self.data, "--listen", "0.0.0.0:0"]
        self.assert_fails(run(*arguments), 2, "--insecure")
        self.assertFalse(os.path.exists(self.data))
        with Server(self.data, "--insecure") as server:
            self.assertEqual(server.stop(), 0)

    def test_an_unknown_host_is_named(self):
        for host in ["nohost.invalid", "300.1.1.1"]:
            for more in [[], ["--insecure"]]:
                done = run("serve", "--data", self.data, "--listen", f"{host}:0", *more)
                self.assert_fails(done, 2, host, "neither an address nor a known name")
                self.assertNotIn(b"other machines", done.stderr)
        self.assertFalse(os.path.exists(self.data))

    def test_a_store_in_use(self):
        with self.serve() as server:
            for arguments in [["serve", "--listen", "127.0.0.1:0"], ["check"],
                              ["import", "/dev/null"]]:
                done = run(arguments[0], "--data", self.data, *arguments[1:])
                self.assert_fails(done, 1, "in use", str(server.pid()))
            self.assertEqual(server.collect([event(1)]).status, 200)

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = run("serve", "--data", self.data, "--listen", f"127.0.0.1:{port}")
            self.assert_fails(done, 1, str(port), "in use")

    def test_a_folder_that_cannot_be(self):
        file = self.path("file", b"")
        for command in [["serve", "--listen", "127.0.0.1:0"], ["import", "/dev/null"]]:
            done = run(*command, "--data", os.path.join(file, "data"))
            self.assert_fails(done, 2, file)
        self.assert_fails(run("check", "--data", self.data), 1, self.data)

    def test_missing_files_stop_an_import_before_it_begins(self):
        good = self.path("good.ndjson", json.dumps(event(1)).encode())
        done = run("import", good, self.path("missing"), "--data", self.data)
        self.assert_fails(done, 1, "missing")
        self.assertFalse(os.path.exists(self.data))
        done = run("import", self.folder, "--data", self.data)
        self.assertIn(b"is a folder", done.stderr)


class Settings(ServerTest):
    def durability(self, *options, **env):
        with self.serve(*options, env=environment(**env)) as server:
            return server.collect([event(1)]).json()["durability"]

    def test_flags_win_over_environment_over_file(self):
        file = self.path("settings.toml", b"""
            # for all commands
            durability = "none"
            cors-origin = ["https://a.example", "https://b.example"]
            [import]
            source = "elsewhere"
        """)
        self.assertEqual(self.durability("--config", file), "none")
        self.assertEqual(self.durability("--config", file, INSIGHTFLOW_DURABILITY="interval"),
                         "interval")
        self.assertEqual(self.durability("--config", file, "--durability", "fsync",
                                         INSIGHTFLOW_DURABILITY="interval"), "fsync")
        self.assertEqual(self.durability(INSIGHTFLOW_CONFIG=file), "none")
        with self.serve("--config", file) as server:
            for origin in ["https://a.example", "https://b.example"]:
                answer = server.get("/api/stats/online", Origin=origin)
                self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin)

    def test_a_section_wins_and_an_unknown_key_is_refused(self):
        file = self.path("a.ini", b"durability=none\n[serve]\ndurability=interval\n")
        self.assertEqual(self.durability("--config", file), "interval")
        for name, content in [("b.toml", b"durabilty = 'none'"), ("c.toml", b"[sevre]\nlisten='x'"),
                              ("d.toml", b"durability = 'maybe'")]:
            done = run("serve", "--data", self.data, "--config", self.path(name, content))
            self.assertEqual(done.returncode, 2, done.stderr)
        done = run("serve", "--data", self.data, "--config", self.path("missing"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"cannot be read", done.stderr)
        done = run("serve", "--data", self.data, "--config", self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"is a folder", done.stderr)


class Checking(ServerTest):
    def test_reports_a_sound_store(self):
        with self.serve() as server:
            server.collect([event(i) for i in range(5)])
            server.collect([event(i) for i in range(3, 9)])
            server.stop()
        done = run("check", "--data", self.data)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(set(report), {"records", "events", "bytes", "segments", "damage"})
        self.assertEqual((report["events"], report["damage"]), (9, []))

    def test_prints_a_table_on_a_terminal(self):
        with self.serve() as server:
            server.collect([event(1)])
            server.stop()
        code, shown = on_terminal("check", "--data", self.data)
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown, rb"events +1\r\n")
        self.assertTrue(shown.endswith(b"ok\r\n"), shown)

    def test_damage_is_told(self):
        with self.serve() as server:
            for i in range(50):
                server.collect([event(i, page_title="t" * 200)])
            server.stop()
        logs = [os.path.join(self.data, name) for name in os.listdir(self.data)
                if name.endswith((".log", ".sst"))]
        largest = max(logs, key=os.path.getsize)
        with open(largest, "r+b") as file:
            file.seek(os.path.getsize(largest) // 3)
            old = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([old[0] ^ 0x10]))
        done = run("check", "--data", self.data)
        self.assertEqual(done.returncode, 1, done)
        self.assertTrue(json.loads(done.stdout)["damage"])
        refused = run("serve", "--data", self.data, "--listen", "127.0.0.1:0")
        self.assertEqual(refused.returncode, 1, refused)
        self.assertRegex(refused.stderr.decode(), r"^insightflow: .*damaged")


class Folding(ServerTest):
    def test_brings_events_into_segments_once(self):
        with self.serve() as server:
            server.collect([event(i) for i in range(9)])
            server.stop()
        first, again = (json.loads(run("fold", "--data", self.data).stdout) for _ in range(2))
        self.assertEqual(set(first), {"events", "segments", "segment_bytes", "seconds"})
        self.assertEqual((first["events"], again["events"]), (9, 0))
        self.assertGreaterEqual(first["segments"], 1)
        report = json.loads(run("check", "--data", self.data).stdout)
        self.assertEqual((report["segments"], report["damage"]), (again["segments"], []))

    def test_makes_no_store(self):
        done = run("fold", "--data", self.data)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no store", done.stderr)


if __name__ == "__main__":
    unittest.main()
