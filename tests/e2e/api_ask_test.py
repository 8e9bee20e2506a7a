"""Numbers and users asked for over HTTP: the exact fields, the statuses, and what is refused."""

import datetime
import time
import unittest

from harness import ISO, ServerTest, event


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


if __name__ == "__main__":
    unittest.main()
