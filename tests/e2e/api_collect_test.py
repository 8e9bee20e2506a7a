"""Collecting events over HTTP: the exact fields, the statuses, and what is refused."""

import gzip
import json
import os
import time
import unittest

from harness import ServerTest, event


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


if __name__ == "__main__":
    unittest.main()
