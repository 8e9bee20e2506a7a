"""Every call over HTTP: the exact fields, the statuses, and what is refused."""

import datetime
import gzip
import json
import os
import re
import subprocess
import time
import unittest
import urllib.request

from harness import PROGRAM, ServerTest, environment, event

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Collecting(ServerTest):
    def test_answers_for_each_event(self):
        with self.serve() as server:
            good = [event(i) for i in range(3)]
            self.assertEqual(server.collect(good).json(), {
                "status": "success", "message": "3 accepted", "count": 3, "accepted": 3,
                "duplicates": 0, "rejected": 0, "truncated": 0, "errors": [],
                "durability": "fsync"})
            mixed = [good[0], event(9), {"user_id": "u", "event_type": "view"},
                     event(10, element_text="x" * 300)]
            answer = server.collect(mixed)
            self.assertEqual(answer.status, 200)
            body = answer.json()
            errors = body.pop("errors")
            self.assertEqual(body, {
                "status": "partial", "message": "2 accepted, 1 known before, 1 rejected",
                "count": 2, "accepted": 2, "duplicates": 1, "rejected": 1, "truncated": 1,
                "durability": "fsync"})
            self.assertEqual([(e["index"], e["code"]) for e in errors], [(2, "missing_field")])
            self.assertEqual(set(errors[0]), {"index", "code", "field", "message"})

    def test_accepts_the_forms_of_a_batch(self):
        with self.serve() as server:
            bodies = [json.dumps([event(1)]), json.dumps(event(2)),
                      "\ufeff" + json.dumps({"events": [event(3)]}),
                      json.dumps({"events": [event(4)], "sent_at": int(time.time() * 1000)})]
            for body in bodies:
                answer = server.collect(body.encode())
                self.assertEqual((answer.status, answer.json()["accepted"]), (200, 1), body)
            empty = server.collect([])
            self.assertEqual((empty.status, empty.json()["status"]), (200, "success"))
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 4)

    def test_takes_what_the_first_generation_sends(self):
        then = int(time.time() * 1000)
        old = {"user_id": "user_1", "session_id": "session_1", "event_type": "click",
               "page_url": "http://localhost/shop", "element": "button.buy", "element_text": "Buy",
               "timestamp": then, "extra_data": {"price": 9.5, "tags": ["a", {"b": None}]}}
        with self.serve() as server:
            answer = server.collect([old], "/bff/events/batch", "text/plain;charset=UTF-8")
            self.assertEqual(answer.status, 200)
            body = answer.json()
            self.assertEqual((body["status"], body["processed_count"]), ("success", 1))
            again = server.collect([old], "/bff/events/batch").json()
            self.assertEqual((again["status"], again["count"], again["processed_count"]),
                             ("success", 0, 1))
            stored = server.ask("/api/user/user_1/events")["events"]
            self.assertEqual(len(stored), 1)
            self.assertEqual({name: stored[0][name] for name in old}, old)

    def test_refuses_a_request_as_a_whole(self):
        with self.serve("--events-max", "5", "--body-max", "2KiB") as server:
            many = [{"user_id": "u"}] * 6
            cases = [
                (server.collect("{\"events\":[", ), 400, "invalid_argument"),
                (server.collect("{\"a\":1} {\"a\":2}"), 400, "invalid_argument"),
                (server.collect(""), 400, "invalid_argument"),
                (server.collect(many), 413, "too_many_events"),
                (server.collect("x" * 3000), 413, "payload_too_large"),
                (server.collect([event(1)], content_type="application/xml"), 415,
                 "unsupported_media_type"),
            ]
            for answer, status, code in cases:
                self.assertEqual(answer.status, status, answer.body)
                error = answer.json()["error"]
                self.assertEqual(set(error), {"code", "message", "request_id"})
                self.assertEqual(error["code"], code)
                self.assertEqual(answer.headers["X-Request-ID"], error["request_id"])
            rejected = server.collect([{"user_id": "u"}])
            self.assertEqual((rejected.status, rejected.json()["status"]), (400, "rejected"))
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 0)
            unnamed = server.collect([event(1)], content_type=None)
            self.assertEqual(unnamed.status, 200, unnamed.body)

    def test_unpacks_gzip(self):
        with self.serve() as server:
            packed = gzip.compress(json.dumps([event(1)]).encode())
            answer = server.collect(packed, **{"Content-Encoding": "gzip"})
            self.assertEqual((answer.status, answer.json()["accepted"]), (200, 1))
            answer = server.collect(gzip.compress(json.dumps([event(2)]).encode()),
                                    "/api/events?gz=1", "text/plain")
            self.assertEqual((answer.status, answer.json()["accepted"]), (200, 1))

    def test_says_which_durability_an_answer_has(self):
        for durability in ["interval", "none"]:
            with self.serve("--durability", durability) as server:
                self.assertEqual(server.collect([event(len(durability))]).json()["durability"],
                                 durability)

    def test_drops_what_asks_for_privacy_when_told_to(self):
        signals = [{"Sec-GPC": "1"}, {"DNT": "1"}]
        with self.serve("--privacy", "drop") as server:
            for i, signal in enumerate(signals):
                answer = server.collect([event(i)], **signal)
                self.assertEqual((answer.status, answer.json()["accepted"]), (200, 0))
                self.assertIn("privacy", answer.json()["message"])
            self.assertEqual(server.collect([event(5)], DNT="0").json()["accepted"], 1)
            metrics = server.get("/metrics").body.decode()
            self.assertIn("\ninsightflow_privacy_dropped_total 2\n", metrics)
        with self.serve() as server:
            for i, signal in enumerate(signals):
                self.assertEqual(server.collect([event(i)], **signal).json()["accepted"], 1)
            self.assertIn("\ninsightflow_privacy_signals_total 2\n",
                          server.get("/metrics").body.decode())

    def test_counts_what_asks_for_privacy_without_its_sender(self):
        marked = event(1, event_id="secret-1", user_id="secret-2", session_id="secret-3",
                       page_url="http://secret-4@shop/cart?u=secret-5#secret-6",
                       page_title="secret-7", referrer="http://shop/?secret-8",
                       element="buy", element_text="secret-9", tab_id="secret-10",
                       ip_address="203.0.113.9", extra_data={"mail": "secret-11"})
        refused = {**marked, "event_id": "secret-12", "timestamp": "secret-13"}
        late = {**marked, "event_id": "secret-14", "timestamp": 9_000_000_000_000}
        signal = {"Sec-GPC": "1", "User-Agent": "secret-15"}
        with self.serve("--privacy", "count") as server:
            first = server.collect([marked, refused, late], **signal).json()
            self.assertEqual((first["accepted"], first["rejected"]), (1, 2))
            self.assertEqual([e["code"] for e in first["errors"]], ["bad_time", "bad_time"])
            self.assertEqual(server.collect([marked], DNT="1").json()["duplicates"], 1)
            self.assertEqual(server.collect([event(2)]).json()["accepted"], 1)
            pages = server.ask("/api/stats/hot-pages?window=all")["pages"]
            self.assertIn({"page_url": "http://shop/cart", "views": 1}, pages)
            self.assertEqual(server.ask("/api/user/secret-2/events")["events"], [])
            self.assertEqual(len(server.ask("/api/user/u2/events")["events"]), 1)
            self.assertEqual(server.ask("/api/stats/online")["count"], 2)
            metrics = server.get("/metrics").body.decode()
            self.assertIn("\ninsightflow_privacy_signals_total 2\n", metrics)
            self.assertIn("\ninsightflow_privacy_counted_total 2\n", metrics)
            self.assertEqual(server.stop(), 0)
        for folder, _, names in os.walk(self.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                self.assertNotIn(b"secret-", content, name)
                self.assertNotIn(b"203.0.113", content, name)
        with self.serve("--privacy", "count") as server:
            self.assertEqual(server.collect([marked], **signal).json()["duplicates"], 1)

    def test_stores_the_clients_address_cut(self):
        def address(server, user):
            return server.ask(f"/api/user/{user}/events")["events"][0]["ip_address"]

        forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.77, 10.1.2.3"}
        with self.serve("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8") as server:
            server.collect([event(1, user_id="a")], **forwarded)
            self.assertEqual(address(server, "a"), "198.51.100.0")
        with self.serve() as server:
            server.collect([event(2, user_id="b")], **forwarded)
            self.assertEqual(address(server, "b"), "127.0.0.0")


class Asking(ServerTest):
    def fill(self, server):
        now = int(time.time() * 1000)
        events = []
        for user in range(4):
            for view in range(user + 1):
                events.append(event(10 * user + view, user_id=f"u{user}", timestamp=now - view,
                                    page_url="/a" if view % 2 == 0 else "/b"))
        events.append(event(100, user_id="u0", event_type="click", element="buy", timestamp=now))
        events.append(event(101, user_id="u0", event_type="purchase", timestamp=now))
        self.assertEqual(server.collect(events).json()["accepted"], 12)
        return now

    def test_numbers_and_their_names(self):
        with self.serve() as server:
            self.fill(server)
            expected = {
                "/api/stats/online": {"count": 4, "last_30_minutes": 4},
                "/api/stats/hot-pages?limit=1": {
                    "pages": [{"page_url": "/a", "views": 6}], "window": "1h", "exact": True},
                "/api/stats/hot-pages?window=all": {
                    "pages": [{"page_url": "/a", "views": 6}, {"page_url": "/b", "views": 4}],
                    "window": "all", "exact": True},
                "/api/stats/hot-elements?window=24h&_=1767225600&t=1&t=2": {
                    "elements": [{"element": "buy", "clicks": 1}], "window": "24h",
                    "exact": True},
                "/api/stats/events": {
                    "total_events": 12, "total_users": 4,
                    "events_by_type": {"view": 10, "click": 1, "purchase": 1}},
                "/api/stats/conversion": {
                    "rate": 25.0, "conversion_rate_events": 10.0, "users_viewed": 4,
                    "users_purchased": 1},
            }
            for path, numbers in expected.items():
                for alias in [path, path.replace("/api/", "/api/v1/")]:
                    answer = server.ask(alias)
                    self.assertRegex(answer.pop("timestamp"), f"^{ISO}$")
                    self.assertEqual(answer, numbers, alias)

    def test_dashboard(self):
        with self.serve() as server:
            self.fill(server)
            answer = server.ask("/api/stats/dashboard")
            self.assertRegex(answer.pop("timestamp"), f"^{ISO}$")
            self.assertEqual(len(answer["minutes"]), 60)
            self.assertEqual(sum(answer.pop("minutes")), 12)
            self.assertIn(answer.pop("events_per_minute"), range(13))  # a minute may have ended
            self.assertEqual(answer, {
                "online_users": 4, "total_events": 12, "total_users": 4,
                "events_by_type": {"view": 10, "click": 1, "purchase": 1},
                "hot_pages": [{"page_url": "/a", "views": 6}, {"page_url": "/b", "views": 4}],
                "conversion_rate": 25.0})

    def test_timeline_of_a_user(self):
        with self.serve() as server:
            now = self.fill(server)
            answer = server.ask("/api/user/u3/events")
            self.assertEqual(set(answer), {"user_id", "events", "count", "timestamp"})
            self.assertEqual((answer["user_id"], answer["count"]), ("u3", 4))
            self.assertEqual([e["timestamp"] for e in answer["events"]],
                             [now, now - 1, now - 2, now - 3])
            self.assertTrue(all(e["sequence"] > 0 and e["received"] >= now - 1000
                                for e in answer["events"]))
            older = server.ask(f"/api/user/u3/events?limit=2&before={now - 1}")
            self.assertEqual([e["timestamp"] for e in older["events"]], [now - 2, now - 3])
            nobody = server.ask("/api/user/nobody/events")
            self.assertEqual((nobody["events"], nobody["count"]), ([], 0))

    def test_pages_of_a_timeline_leave_nothing_out(self):
        with self.serve() as server:
            now = int(time.time() * 1000)
            server.collect([event(i, user_id="u", timestamp=now - i // 9)
                            for i in range(30)])
            ids, query = [], "limit=4"
            while query:
                page = server.ask(f"/api/user/u/events?{query}")
                ids += [e["event_id"] for e in page["events"]]
                query = f"limit=4&before={page['next']}" if "next" in page else ""
            self.assertEqual(len(ids), 30)
            self.assertEqual(len(set(ids)), 30)

    def test_profile_of_a_user(self):
        agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1"
        now = int(time.time() * 1000)
        with self.serve() as server:
            server.collect([event(1, user_id="u", timestamp=now - 5000),
                            event(2, user_id="u", timestamp=now, user_agent=agent),
                            event(3, user_id="u", timestamp=now - 3000, event_type="purchase"),
                            event(4, user_id="old", timestamp=now - 3_600_000)])
            answer = server.ask("/api/users/u")
            self.assertRegex(answer.pop("timestamp"), f"^{ISO}$")

            def iso(ms):
                text = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
                return text.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"

            self.assertEqual(answer, {
                "user_id": "u", "first_visit": iso(now - 5000), "last_visit": iso(now),
                "events": 3, "by_type": {"view": 2, "purchase": 1}, "device": "mobile",
                "browser": "Safari", "active": True})
            self.assertFalse(server.ask("/api/users/old")["active"])
            nobody = server.get("/api/users/nobody")
            self.assertEqual((nobody.status, nobody.json()["error"]["code"]), (404, "not_found"))

    def test_ids_are_percent_decoded(self):
        with self.serve() as server:
            server.collect([event(1, user_id="ä/b c")])
            answer = server.ask("/api/user/%C3%A4%2Fb%20c/events")
            self.assertEqual((answer["user_id"], answer["count"]), ("ä/b c", 1))
            self.assertEqual(server.ask("/api/users/%C3%A4%2Fb%20c")["user_id"], "ä/b c")

    def test_users_with_a_zero_character_are_known_and_erased(self):
        with self.serve() as server:
            odd, other = "a\0b", "a"
            server.collect([event(1, user_id=odd), event(2, user_id=odd), event(3, user_id=other)])
            for path in ["/api/user/a%00b/events", "/api/user/%61%00%62/events"]:
                answer = server.ask(path)
                self.assertEqual((answer["user_id"], answer["count"]), (odd, 2))
            self.assertEqual(server.ask("/api/users/a%00b")["user_id"], odd)
            gone = server.request("DELETE", "/api/users/a%00b")
            self.assertEqual(gone.json(), {"user_id": odd, "events_removed": 2})
            self.assertEqual(server.ask("/api/user/a%00b/events")["count"], 0)
            self.assertEqual(server.ask("/api/user/a/events")["count"], 1)
            self.assertEqual(server.get("/api/stats/online%00").status, 404)
            self.assertEqual(server.get("/api/user/a/events?limit=1%00").status, 400)

    def test_a_bad_parameter_is_named(self):
        with self.serve() as server:
            cases = {
                "/api/stats/hot-pages?limit=0": "limit",
                "/api/stats/hot-pages?limit=abc": "limit",
                "/api/stats/hot-pages?limit=": "limit",
                "/api/stats/hot-pages?limit=1001": "limit",
                "/api/stats/hot-elements?limit=-1": "limit",
                "/api/stats/hot-pages?limit=99999999999999999999": "limit",
                "/api/stats/hot-pages?window=2h": "window",
                "/api/user/u1/events?limit=1.5": "limit",
                "/api/user/u1/events?before=yesterday": "before",
                "/api/user/u1/events?before=-1": "before",
                "/api/user/u1/events?before=5-": "before",
                "/api/user/u1/events?before=5-x": "before",
                "/api/user/" + "u" * 65 + "/events": "id",
                "/api/user/%FF/events": "id",
                "/api/users/" + "u" * 65: "id",
                "/api/users/%FF": "id",
            }
            for path, name in cases.items():
                answer = server.get(path)
                self.assertEqual(answer.status, 400, path)
                self.assertIn(name, answer.json()["error"]["message"])

    def test_an_unknown_or_repeated_parameter_is_named(self):
        calls = {
            ("GET", "/api/stats/online"): ["cache"], ("GET", "/api/stats/events"): ["cache"],
            ("GET", "/api/stats/conversion"): ["cache"], ("GET", "/api/stats/dashboard"): ["cache"],
            ("GET", "/api/stats/hot-pages"): ["limit", "window", "cache"],
            ("GET", "/api/v1/stats/hot-elements"): ["limit", "window", "cache"],
            ("GET", "/api/user/u1/events"): ["limit", "before"],
            ("GET", "/api/users/u1"): [], ("DELETE", "/api/users/u1"): [],
            ("GET", "/api/funnels"): [], ("POST", "/api/funnels"): [],
            ("GET", "/api/funnels/default"): [], ("PUT", "/api/funnels/default"): [],
            ("DELETE", "/api/funnels/default"): [],
            ("GET", "/api/funnel/default/analysis"): ["from", "to", "cache"],
            ("POST", "/api/query"): [],
            ("GET", "/api/export"): ["from", "to", "format", "filters"],
            ("POST", "/api/import"): ["source", "first_line", "repeated"],
        }
        with self.serve() as server:
            server.collect([event(1, user_id="u1")])
            for (method, path), allowed in calls.items():
                takes = "which takes " + (", ".join(allowed) or "none")
                for query in ["form=1", "form", "&form=", "%66orm=1", "_=1&t=2&form=3"]:
                    answer = server.request(method, f"{path}?{query}")
                    self.assertEqual(answer.status, 400, path)
                    self.assertEqual(answer.json()["error"]["message"],
                                     f'"form" is no parameter of this call, {takes}')
                for name in allowed:
                    answer = server.request(method, f"{path}?{name}=1&_=1&{name}=1")
                    self.assertEqual(answer.status, 400, path)
                    message = answer.json()["error"]["message"]
                    self.assertEqual(message, f"{name}: stands twice; this call takes each once "
                                              f"of {', '.join(allowed)}")
            for query in ["%FF=1", "x" * 65, "=1"]:
                answer = server.get("/api/users/u1?" + query)
                self.assertEqual(answer.status, 400, query)
                self.assertIn("takes none", answer.json()["error"]["message"])
            self.assertEqual(server.ask("/api/user/u1/events?_=5&t=6")["count"], 1)
            self.assertEqual(server.ask("/api/stats/online?cache=false")["count"], 1)
            wrong = server.get("/api/stats/online?cache=no")
            self.assertEqual(wrong.status, 400)
            self.assertIn("cache must be true or false", wrong.json()["error"]["message"])

    def test_calls_of_clients_that_are_out_there_pass_over_what_they_do_not_know(self):
        with self.serve() as server:
            for path in ["/bff/user/funnel/analysis?form=1&cache=true", "/health?x=1",
                         "/health/live?x=1", "/health/ready?x=1", "/metrics?x=1", "/?utm_source=a",
                         "/app.js?v=3"]:
                self.assertEqual(server.get(path).status, 200, path)
            for path in ["/api/events?x=1", "/bff/events/batch?x=1"]:
                self.assertEqual(server.collect([event(1)], path).status, 200, path)

    def test_unknown_paths_and_methods(self):
        with self.serve() as server:
            self.assertEqual(server.get("/api/nothing").status, 404)
            wrong = server.request("DELETE", "/api/stats/online")
            self.assertEqual(wrong.status, 405)
            self.assertIn("GET", wrong.headers["Allow"])
            self.assertEqual(server.get("/api/events").status, 405)
            head = server.request("HEAD", "/api/stats/online")
            self.assertEqual((head.status, head.body), (200, b""))


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
