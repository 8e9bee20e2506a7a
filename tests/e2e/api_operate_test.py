"""What an operator and a browser see over HTTP: health, metrics, guards and the log."""

import datetime
import json
import re
import subprocess
import unittest
import urllib.request

from harness import ISO, PROGRAM, ServerTest, environment, event


class Operating(ServerTest):
    def test_health(self):
        with self.serve() as server:
            health = server.ask("/health")
            now = datetime.datetime.now(datetime.timezone.utc)
            then = datetime.datetime.fromisoformat(health.pop("timestamp").replace("Z", "+00:00"))
            self.assertLess(abs((now - then).total_seconds()), 60)
            self.assertRegex(health.pop("version"), r"^\d+\.\d+\.\d+$")
            self.assertEqual(health, {"status": "healthy", "services": {"store": "healthy",
                                                                      "folding": "healthy",
                                                                      "dedupe": "healthy",
                                                                      "live": "healthy"},
                                      "service": "insightflow"})
            self.assertEqual(server.ask("/health/live")["status"], "alive")
            self.assertEqual(server.ask("/health/ready")["status"], "ready")

    def test_metrics_in_three_forms(self):
        with self.serve() as server:
            server.collect([event(1), event(1), {}])
            plain = server.get("/metrics")
            self.assertEqual(plain.headers["Content-Type"],
                             "text/plain; version=0.0.4; charset=utf-8")
            text = plain.body.decode()
            for line in text.splitlines():
                self.assertRegex(line, r'^(# (HELP|TYPE) \w+ .+|'
                                       r'\w+(\{version="[\d.]+"\})? [\d.e+-]+)$')
            for name, value in [("accepted", 1), ("duplicate", 1), ("rejected", 1)]:
                self.assertIn(f"\ninsightflow_events_{name}_total {value}\n", text)
            described = re.findall(r"^# TYPE (\S+)", text, re.M)
            self.assertEqual(len(described), len(set(described)))
            opened = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
            self.assertTrue(opened.headers["Content-Type"].startswith("application/openmetrics"))
            self.assertTrue(opened.body.endswith(b"\n# EOF\n"))
            self.assertIn(b"# TYPE insightflow_events_accepted counter\n", opened.body)
            numbers = server.get("/metrics", Accept="application/json").json()
            self.assertLessEqual({"redis_memory_used", "active_connections", "cache_hit_rate",
                                  "timestamp", "erasures_pending"}, set(numbers))
            self.assertEqual(numbers["events_accepted"], 1)

    def test_every_answer_has_an_id_and_is_guarded(self):
        with self.serve() as server:
            for path in ["/", "/api/stats/online", "/api/nothing", "/health"]:
                answer = server.get(path, **{"X-Request-ID": "abc-1"})
                self.assertEqual(answer.headers["X-Request-ID"], "abc-1")
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
                policy = answer.headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("frame-ancestors 'none'", policy)

    def test_page_loads_only_its_own_files(self):
        with self.serve() as server:
            page = server.get("/")
            self.assertTrue(page.headers["Content-Type"].startswith("text/html"))
            text = page.body.decode()
            self.assertNotIn("<style", text)
            self.assertNotRegex(text, r"<script(?! src=)|\son\w+=|style=")
            for path in re.findall(r'(?:src|href)="(/app[^"]+)"', text):
                self.assertEqual(server.get(path).status, 200, path)

    def test_cross_origin_calls(self):
        page = {"Origin": "https://shop.example"}

        def allowed(answer):
            return answer.headers.get("Access-Control-Allow-Origin")

        with self.serve() as server:
            self.assertEqual(allowed(server.collect([event(1)], **page)), "*")
            preflight = server.request("OPTIONS", "/api/events", headers={
                **page, "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type"})
            self.assertEqual((preflight.status, allowed(preflight)), (204, "*"))
            self.assertIn("Content-Type", preflight.headers["Access-Control-Allow-Headers"])
            self.assertIsNone(allowed(server.get("/api/stats/online", **page)))
            self.assertIsNone(allowed(server.request("OPTIONS", "/api/stats/online",
                                                     headers=page)))
        with self.serve("--cors-origin", "https://shop.example") as server:
            answer = server.get("/api/stats/online", **page)
            self.assertEqual((allowed(answer), answer.headers["Vary"]),
                             ("https://shop.example", "Origin"))
            self.assertIsNone(allowed(server.collect([event(2)], Origin="https://other.example")))

    def test_a_page_of_another_origin_stores_no_funnel(self):
        funnel = json.dumps({"id": "f", "steps": [{"event": "view"}]}).encode()

        def store(server, origin):
            # A browser sends this without asking first.
            headers = {"Content-Type": "text/plain", **({"Origin": origin} if origin else {})}
            return server.request("POST", "/api/funnels", funnel, headers).status

        with self.serve() as server:
            self.assertEqual(store(server, "https://shop.example"), 403)
            self.assertEqual(store(server, "null"), 403)
            self.assertEqual(server.get("/api/funnels/f").status, 404)
            self.assertEqual(store(server, f"http://127.0.0.1:{server.port}"), 201)
            self.assertEqual(store(server, None), 409)
        with self.serve("--cors-origin", "https://shop.example") as server:
            self.assertEqual(store(server, "https://shop.example"), 409)
            self.assertEqual(store(server, "https://other.example"), 403)

    def test_log_has_no_secrets(self):
        with self.serve("--log-format", "json", "--log-level", "debug") as server:
            server.collect([event(1, user_id="body-secret")], "/api/events?key=query-secret")
            server.get("/api/stats/online?token=query-secret", **{"X-Request-ID": "id-1"})
            server.stop()
            entries = [json.loads(line) for line in server.lines if line.startswith("{")]
        requests = [e for e in entries if e["message"] == "request"]
        self.assertEqual([(e["method"], e["path"], e["status"]) for e in requests],
                         [("POST", "/api/events", 200), ("GET", "/api/stats/online", 400)])
        self.assertEqual(requests[1]["request_id"], "id-1")
        self.assertTrue(all(e["ms"] >= 0 and re.fullmatch(ISO, e["time"]) for e in requests))
        self.assertNotIn("secret", server.log())

    def test_outlives_the_reader_of_its_log(self):
        server = subprocess.Popen([PROGRAM, "serve", "--data", self.data, "--listen",
                                   "127.0.0.1:0"], stderr=subprocess.PIPE, env=environment())
        try:
            url = re.search(rb"http://\S+", server.stderr.readline()).group().decode()
            server.stderr.close()
            for _ in range(3):
                with urllib.request.urlopen(url + "/api/stats/online") as answer:
                    self.assertEqual(answer.status, 200)
            server.terminate()
            self.assertEqual(server.wait(), 0)
        finally:
            server.kill()
            server.wait()

    def test_settings_from_the_environment(self):
        with self.serve(env=environment(INSIGHTFLOW_DURABILITY="none")) as server:
            self.assertEqual(server.collect([event(1)]).json()["durability"], "none")


if __name__ == "__main__":
    unittest.main()
