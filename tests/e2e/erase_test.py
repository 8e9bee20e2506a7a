"""A user is erased over HTTP, and days expire: every answer is as though they had never been."""

import json
import os
import random
import time
import unittest

from harness import ServerTest, event, run

DAY = 86_400_000
QUERIES = [
    {"kind": "trends", "series": [{"event": "*"}, {"event": "*", "measure": "users"}],
     "interval": "total"},
    {"kind": "top", "field": "page_url", "measure": "users"},
    {"kind": "funnel", "window": "1d", "steps": [{"event": "view"}, {"event": "purchase"}]},
    {"kind": "sessions"},
    {"kind": "users"},
]


def life(seed, users):
    """Random events of some users over a few hours, in the order in which they are sent. None is so
    near to the edge of a live window that it falls out of it while the test runs."""
    chance = random.Random(seed)
    now = int(time.time() * 1000)
    types = ["view", "view", "click", "purchase"]
    ages = [(10, 180), (480, 1200), (2400, 3000), (4500, 10_000)]  # seconds
    return [event(n, user_id=chance.choice(users), event_type=chance.choice(types),
                  page_url=f"/p{chance.randrange(4)}", element=f"e{chance.randrange(3)}",
                  timestamp=now - 1000 * chance.randint(*chance.choice(ages)) - n)
            for n in range(120)]


class Erasing(ServerTest):
    def everything(self, server, users):
        """All answers but for what tells of time, of places in the log and of work done."""
        answers = {path: server.ask(path) for path in [
            "/api/stats/dashboard", "/api/stats/events", "/api/stats/online",
            "/api/stats/conversion", "/api/stats/hot-pages?window=all", "/api/stats/hot-pages",
            "/api/stats/hot-elements?window=24h"]}
        for user in users:
            answers[user] = server.ask(f"/api/user/{user}/events?limit=1000")
            profile = server.get(f"/api/users/{user}")
            answers["profile of " + user] = profile.json() if profile.status == 200 else None
        for query in QUERIES:
            answer = server.request("POST", "/api/query", json.dumps(query))
            self.assertEqual(answer.status, 200, answer.body)
            answers[json.dumps(query)] = answer.json()
        for answer in filter(None, answers.values()):
            for name in ["timestamp", "meta", "events_per_minute", "minutes"]:
                answer.pop(name, None)
            for stored in answer.get("events", []) if "count" in answer else []:
                stored.pop("sequence")
                stored.pop("received")
        exported = sorted(server.get("/api/export").body.splitlines())
        return {**answers, "export": exported}

    def test_as_though_the_user_had_never_been(self):
        seed = int(os.environ.get("INSIGHTFLOW_SEED", random.randrange(1 << 32)))
        print(f"seed {seed}")
        events = life(seed, ["ann", "bob"])
        of_bob = [one for one in events if one["user_id"] == "bob"]
        of_ann = [one for one in events if one["user_id"] == "ann"]
        ann = self.data
        self.data = self.path("bob only")
        with self.serve() as server:
            for first in range(0, len(of_bob), 7):
                server.collect(of_bob[first:first + 7])
            expected = self.everything(server, ["ann", "bob"])
        self.data = ann
        with self.serve() as server:
            for first in range(0, len(events), 7):
                server.collect(events[first:first + 7])
            # Rejected, and kept with its text for inspection.
            server.collect([{"user_id": "ann", "event_type": "view", "session_id": "ann's"}])
            kept = b"\ninsightflow_failed_events %d\n"
            self.assertIn(kept % 1, server.get("/metrics").body)
            answer = server.request("DELETE", "/api/users/ann")
            self.assertEqual((answer.status, answer.json()),
                             (200, {"user_id": "ann", "events_removed": len(of_ann)}))
            self.assertEqual(self.everything(server, ["ann", "bob"]), expected, seed)
            self.assertIn(kept % 0, server.get("/metrics").body)
            again = server.request("DELETE", "/api/users/ann")
            self.assertEqual((again.status, again.json()["events_removed"]), (200, 0))
            self.assertIn(b"\ninsightflow_erasures_pending 1\n", server.get("/metrics").body)
            server.kill()
        with self.serve() as server:
            self.assertEqual(self.everything(server, ["ann", "bob"]), expected, seed)
            self.assertEqual(server.collect(of_bob[:1]).json()["duplicates"], 1)
            self.assertEqual(server.stop(), 0)
        self.assertEqual(run("fold", "--data", self.data).returncode, 0)
        for folder, _, names in os.walk(self.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"ann's", file.read(), name)
        with self.serve() as server:
            self.assertIn(b"\ninsightflow_erasures_pending 0\n", server.get("/metrics").body)
            self.assertEqual(self.everything(server, ["ann", "bob"]), expected, seed)
            self.assertEqual(server.collect(of_ann).json()["accepted"], len(of_ann))
            self.assertEqual(server.ask("/api/user/ann/events?limit=1000")["count"], len(of_ann))
            self.assertEqual(server.ask("/api/users/ann")["events"], len(of_ann))
            self.assertEqual(server.stop(), 0)

    def test_what_is_sent_again_after_it_is_new(self):
        one = event(1, user_id="ann")
        with self.serve() as server:
            server.collect([one])
            self.assertEqual(server.collect([one]).json()["duplicates"], 1)
            server.request("DELETE", "/api/users/ann")
            self.assertEqual(server.collect([one]).json()["accepted"], 1)
            self.assertEqual(server.ask("/api/users/ann")["events"], 1)

    def test_the_log_does_not_name_users(self):
        with self.serve() as server:
            server.ask("/api/user/ann-7/events")
            for method in ("GET", "DELETE"):
                server.request(method, "/api/users/ann-7")
                server.request(method, "/api/v1/users/ann%2D7?x=ann-7")
            self.assertEqual(server.stop(), 0)
        self.assertIn('path="/api/user/:id/events"', server.log())
        self.assertEqual(server.log().count('method="DELETE" path="/api/users/:id"'), 1)
        self.assertNotRegex(server.log(), "ann(-|%2D)7")


class Expiring(ServerTest):
    def test_days_expire_alike_for_all_commands(self):
        now = int(time.time() * 1000)
        ages = [0, 3, 9, 400]
        events = [event(age, user_id="u", timestamp=now - age * DAY) for age in ages]
        query = self.path("query.json", b'{"kind":"top","field":"event_id"}')

        def kept(answer):
            return sorted(int(row["value"][1:]) for row in answer["rows"])

        with self.serve("--retention-days", "5") as server:
            self.assertEqual(server.collect(events).json()["accepted"], 4)
            with open(query, "rb") as body:
                answer = server.request("POST", "/api/query", body.read())
            self.assertEqual(kept(answer.json()), [0, 3])
            self.assertEqual(server.ask("/api/user/u/events")["count"], 2)
            self.assertEqual(server.get("/api/export").body.count(b"\n"), 2)
            self.assertEqual(server.stop(), 0)
        for command in (["query", query], ["export"]):
            done = run(*command, "--data", self.data, "--retention-days", "5")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            if command == ["export"]:
                self.assertEqual(done.stdout.count(b"\n"), 2)
            else:
                self.assertEqual(kept(json.loads(done.stdout)), [0, 3])
        done = run("fold", "--data", self.data, "--retention-days", "5")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(kept(json.loads(run("query", query, "--data", self.data).stdout)), [0, 3])


if __name__ == "__main__":
    unittest.main()
