"""Questions about a real shop's events: each answer is what SQLite or a plain script finds."""

import collections
import csv
import datetime
import gzip
import json
import os
import shutil
import sqlite3
import statistics
import unittest

from harness import run, shared_data

MINUTE = 60_000
DAY = 86_400_000
STEPS = ["home", "catalog", "product_view", "add_to_cart", "cart", "purchase"]


def rows():
    """(user, session, type, time in ms, platform), in the order of the file."""
    with gzip.open(shared_data("ecom.csv.gz"), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            time = datetime.datetime.fromisoformat(row["timestamp"] + "+00:00")
            yield (row["user_id"], row["session_id"], row["event"],
                   int(time.timestamp() * 1000), row["platform"])


def timelines(events):
    """Each user's events by time; equal times as in the file."""
    users = collections.defaultdict(list)
    for event in events:
        users[event[0]].append(event)
    return {user: sorted(own, key=lambda event: event[3]) for user, own in users.items()}


def day_of(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).date()


class Shop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.path.join(os.environ["INSIGHTFLOW_BINARY_DIR"], f"shop-{os.getpid()}")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        done = run("import", shared_data("ecom.csv.gz"), "--format", "csv",
                   "--map", "event_type=event", "--data", cls.folder)
        assert done.returncode == 0, done
        cls.events = list(rows())
        cls.users = timelines(cls.events)
        cls.db = sqlite3.connect(":memory:")
        cls.addClassCleanup(cls.db.close)
        cls.db.execute("CREATE TABLE e (user, session, type, time, platform)")
        cls.db.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?)", cls.events)

    def ask(self, **query):
        done = run("query", "-", "--data", self.folder,
                   stdin=json.dumps(query).encode())
        self.assertEqual(done.returncode, 0, done)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["meta"]["incomplete"], [])
        self.assertTrue(answer["meta"]["exact"])
        return answer

    def test_trends_by_day_and_event(self):
        trends = self.ask(kind="trends", interval="day", limit=100,
                          breakdown={"field": "event_type"},
                          series=[{"event": "*", "measure": "count"},
                                  {"event": "*", "measure": "users"}])
        counts = {}
        for series in trends["series"]:
            for point in series["points"]:
                if point["value"]:
                    key = (series["breakdown"], point["time"][:10])
                    counts.setdefault(key, []).append(point["value"])
        expected = {(kind, day): [events, users] for day, kind, events, users in self.db.execute(
            "SELECT date(time / 1000, 'unixepoch'), type, count(*), count(DISTINCT user) "
            "FROM e GROUP BY 1, 2")}
        self.assertEqual(counts, expected)
        expected = dict(self.db.execute("SELECT type, count(DISTINCT user) FROM e GROUP BY 1"))
        half = len(trends["series"]) // 2
        totals = {series["breakdown"]: series["total"] for series in trends["series"][half:]}
        self.assertEqual(totals, expected)

    def test_top_events_and_platforms_by_users(self):
        for field, column in [("event_type", "type"), ("extra_data.platform", "platform")]:
            top = self.ask(kind="top", field=field, measure="users", limit=4)
            expected = list(self.db.execute(
                f"SELECT {column}, count(DISTINCT user) AS n FROM e GROUP BY 1 "
                "ORDER BY n DESC, 1"))
            self.assertEqual([(row["value"], row["count"]) for row in top["rows"]], expected[:4])
            self.assertEqual(top["other"]["values"], max(0, len(expected) - 4))

    def test_a_purchase_funnel_of_six_steps(self):
        window = 7 * DAY
        funnel = self.ask(kind="funnel", window="7d", steps=[{"event": step} for step in STEPS])
        reached = [0] * len(STEPS)
        for own in self.users.values():
            for level in range(self.best_level(own, window)):
                reached[level] += 1
        self.assertGreater(reached[-1], 10)
        self.assertEqual([step["users"] for step in funnel["steps"]], reached)
        self.assertEqual(funnel["total_users"], reached[0])
        self.assertAlmostEqual(funnel["conversion_rate"], 100 * reached[-1] / reached[0])

    @staticmethod
    def best_level(own, window):
        """From each start in turn, the next step at its earliest; no two steps share a type."""
        best = 0
        for first, start in enumerate(own):
            if start[2] != STEPS[0]:
                continue
            level, now = 1, start[3]
            for wanted in STEPS[1:]:
                times = [event[3] for event in own if event[2] == wanted and event[3] >= now
                         and event[3] <= start[3] + window]
                if not times:
                    break
                level, now = level + 1, min(times)
            best = max(best, level)
        return best

    def test_weekly_retention(self):
        answer = self.ask(kind="retention", start={"event": "home"}, period="week", periods=5,
                          **{"return": {"event": "purchase"}})
        monday = lambda ms: day_of(ms) - datetime.timedelta(days=day_of(ms).weekday())
        size, back = collections.Counter(), collections.Counter()
        for own in self.users.values():
            first = next((i for i, event in enumerate(own) if event[2] == "home"), None)
            if first is None:
                continue
            week = monday(own[first][3])
            size[week] += 1
            weeks = {(monday(event[3]) - week).days // 7 for event in own[first + 1:]
                     if event[2] == "purchase"}
            for later in weeks:
                back[week, later] += 1
        last = monday(max(event[3] for event in self.events))
        expected = [(f"{week}", size[week],
                     [back[week, k] if week + datetime.timedelta(weeks=k) <= last else None
                      for k in range(5)]) for week in sorted(size)]
        self.assertEqual([(cohort["time"][:10], cohort["size"], cohort["returned"])
                          for cohort in answer["cohorts"]], expected)

    def sessions(self):
        for own in self.users.values():
            session = [own[0]]
            for event in own[1:]:
                gap = event[3] - session[-1][3] > 30 * MINUTE
                if gap or event[3] - session[0][3] > DAY:
                    yield session
                    session = []
                session.append(event)
            yield session

    def test_sessions(self):
        answer = self.ask(kind="sessions")
        sessions = list(self.sessions())
        durations = [session[-1][3] - session[0][3] for session in sessions]
        self.assertEqual(answer["sessions"], len(sessions))
        self.assertEqual(answer["users"], len(self.users))
        self.assertAlmostEqual(answer["events_per_session"], len(self.events) / len(sessions))
        self.assertAlmostEqual(answer["duration"]["mean_ms"], statistics.mean(durations), places=3)
        self.assertEqual(answer["duration"]["median_ms"], statistics.median(durations))
        # The same count by window functions.
        gaps = self.db.execute(
            "SELECT count(*) FROM (SELECT time - lag(time) OVER (PARTITION BY user ORDER BY time) "
            f"AS gap FROM e) WHERE gap IS NULL OR gap > {30 * MINUTE}").fetchone()[0]
        longest = max(durations)
        self.assertLess(longest, DAY)  # so the maximum splits nothing here
        self.assertEqual(answer["sessions"], gaps)

    def test_top_paths(self):
        depth = 3
        answer = self.ask(kind="paths", by="event_type", start={"event": "home"}, depth=depth,
                          limit=100)
        nodes, links = collections.Counter(), collections.Counter()
        for session in self.sessions():
            types = [event[2] for event in session]
            if "home" not in types:
                continue
            walk = types[types.index("home"):]
            folded = [kind for i, kind in enumerate(walk) if i == 0 or kind != walk[i - 1]]
            for place, kind in enumerate(folded[:depth + 1]):
                nodes[place] += 1
                if place < min(depth, len(folded) - 1):
                    links[place, kind, folded[place + 1]] += 1
                elif place < depth:
                    links[place, kind, "__exit__"] += 1
        told = {(link["depth"], link["from"], link["to"]): link["transitions"]
                for link in answer["links"]}
        self.assertEqual(told, dict(links))

    def test_folded_it_answers_the_same(self):
        query = {"kind": "funnel", "steps": [{"event": step} for step in STEPS], "per": "session"}
        before = self.ask(**query)
        done = run("fold", "--data", self.folder)
        self.assertEqual(done.returncode, 0, done)
        after = self.ask(**query)
        for answer in (before, after):
            answer.pop("meta")
        self.assertEqual(after, before)


if __name__ == "__main__":
    unittest.main()
