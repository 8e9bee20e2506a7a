"""Sessions, distinct users and retention against ClickHouse: its window functions, uniqExact and
retention (chDB 26.9, in process).

Random timelines of few events with many equal times, gaps of exactly the timeout, and days that
have 23 or 25 hours. Users are in groups, so that an error must show in a small number.
INSIGHTFLOW_SEED repeats a run that is printed; INSIGHTFLOW_CASES sets how many timelines it takes.
"""

import collections
import datetime
import json
import os
import random
import subprocess
import tempfile
import unittest

from rival import ask_clickhouse

PROGRAM = os.environ["INSIGHTFLOW_BIN"]
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
GROUPS = 300
PERIODS = 6
EXACT_SESSIONS_MAX = 1_000_000  # past that, medians and percentiles are within 1/256
# The clocks of all but one change within the days below.
ZONES = ("Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")
BEGINS = (1_742_860_800_000, 1_742_860_800_000, 1_741_219_200_000, 1_743_465_600_000)
DAYS = 14
TIMEOUTS = (MINUTE, 30 * MINUTE - 1, 30 * MINUTE, 6 * HOUR)
STEPS = (0, 0, 1, MINUTE, MINUTE + 1, 30 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE + 1, 6 * HOUR,
         DAY - HOUR, DAY, DAY + HOUR, 3 * DAY)


def write_events(path, chance, users, begin):
    """Lines in no order of time: late events are as good as others."""
    with open(path, "w", encoding="ascii") as file:
        file.write("user_id,event_type,timestamp,group\n")
        for user in range(users):
            time = begin + chance.randrange(DAYS * 24 * 2) * HOUR // 2
            lines = []
            for _ in range(chance.randint(1, 9)):
                lines.append(f"u{user},{chance.choice('aab')},{time},g{user % GROUPS}\n")
                time += chance.choice(STEPS)
            chance.shuffle(lines)
            file.writelines(lines)


def sessions_sql(table, timeout):
    # Equal times may come in another order each time they are sorted: the one that begins a session
    # is the first of them, or the others would count with the session before.
    frame = ("OVER (PARTITION BY user_id ORDER BY t{} "
             "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)")
    return f"""
        WITH cut AS (SELECT *, t - lagInFrame(t, 1, t) {frame.format('')} > {timeout} AS begins
                     FROM {table}),
             numbered AS (SELECT *, sum(begins) {frame.format(', begins DESC')} AS number FROM cut),
             one AS (SELECT user_id, any(g) AS g, count() AS events, max(t) - min(t) AS duration
                     FROM numbered GROUP BY user_id, number)
        SELECT g, count(), uniqExact(user_id), sum(events), sum(duration),
               quantileExactInclusive(0.5)(duration), quantileExactInclusive(0.9)(duration)
        FROM one GROUP BY g"""


def users_sql(table, zone):
    return f"""SELECT g, toDate(fromUnixTimestamp64Milli(t), '{zone}') AS day, uniqExact(user_id)
               FROM {table} GROUP BY g, day"""


def retention_sql(table, zone, period):
    """Periods are numbered by their days."""
    day = f"toRelativeDayNum(fromUnixTimestamp64Milli(t), '{zone}')"
    # Day 0 was a Thursday.
    number = day if period == "day" else f"intDiv({day} + 3, 7)"
    later = ", ".join(f"event_type = 'b' AND n = n0 + {k}" for k in range(1, PERIODS))
    return f"""
        WITH e AS (SELECT user_id, event_type, toInt64({number}) AS n FROM {table}),
             starts AS (SELECT DISTINCT user_id, n AS n0 FROM e WHERE event_type = 'a')
        SELECT n0, sumForEach(r) FROM (
            SELECT user_id, n0, retention(event_type = 'a' AND n = n0, {later}) AS r
            FROM starts JOIN e USING (user_id) GROUP BY user_id, n0)
        GROUP BY n0 ORDER BY n0"""


class Queries(unittest.TestCase):
    """One store, and the file it was imported from."""

    @classmethod
    def setUpClass(cls):
        seed = int(os.environ.get("INSIGHTFLOW_SEED") or random.SystemRandom().getrandbits(32))
        users = int(os.environ.get("INSIGHTFLOW_CASES") or 100_000)
        print(f"INSIGHTFLOW_SEED={seed} INSIGHTFLOW_CASES={users}", flush=True)
        chance = random.Random(seed)
        place = chance.randrange(len(ZONES))
        cls.zone = ZONES[place]
        root = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(root.cleanup)
        events = os.path.join(root.name, "events.csv")
        write_events(events, chance, users, BEGINS[place])
        cls.store = os.path.join(root.name, "store")
        cls.run_program("import", events, "--format", "csv")
        if chance.random() < 0.5:
            cls.run_program("fold")
        columns = "user_id String, event_type String, timestamp Int64, group String"
        table = (f"(SELECT user_id, event_type, timestamp AS t, \"group\" AS g "
                 f"FROM file('{events}', CSVWithNames, '{columns}'))")
        cls.questions = {("sessions", timeout): sessions_sql(table, timeout)
                         for timeout in TIMEOUTS}
        cls.questions["users"] = users_sql(table, cls.zone)
        cls.questions["total users"] = f"SELECT g, uniqExact(user_id) FROM {table} GROUP BY g"
        for period in ("day", "week"):
            cls.questions["retention", period] = retention_sql(table, cls.zone, period)
        cls.theirs = dict(zip(cls.questions, ask_clickhouse(list(cls.questions.values()))))

    @classmethod
    def run_program(cls, command, *arguments, stdin=None):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith("INSIGHTFLOW_")}
        return subprocess.run([PROGRAM, command, *arguments, "--data", cls.store], check=True,
                              input=stdin, capture_output=True, text=True, env=env,
                              timeout=600).stdout

    def ask(self, **query):
        answer = json.loads(self.run_program("query", "-", stdin=json.dumps(query)))
        exact = answer.get("sessions", 0) <= EXACT_SESSIONS_MAX
        self.assertEqual(answer["meta"]["exact"], exact)
        return answer

    def test_gaps(self):
        for timeout in TIMEOUTS:
            with self.subTest(timeout=timeout):
                answer = self.ask(kind="sessions", timeout=timeout, max_duration=None,
                                  breakdown={"field": "extra_data.group", "limit": GROUPS})
                rows = {row["value"]: row for row in answer["breakdown"]}
                within = 0 if answer["meta"]["exact"] else 1 / 256
                theirs = self.theirs["sessions", timeout]
                self.assertEqual(set(rows), {row[0] for row in theirs})
                for group, *numbers in theirs:
                    count, users, events, duration, median, p90 = map(float, numbers)
                    row = rows[group]
                    self.assertEqual((row["sessions"], row["users"]), (count, users), group)
                    self.assertAlmostEqual(row["events_per_session"], events / count, msg=group)
                    found = row["duration"]
                    self.assertAlmostEqual(found["mean_ms"], duration / count, 3, msg=group)
                    for name, value in (("median_ms", median), ("p90_ms", p90)):
                        self.assertAlmostEqual(found[name], value, msg=group,
                                               delta=0.0005 + within * value)

    def test_distinct_users(self):
        answer = self.ask(kind="trends", interval="day", timezone=self.zone,
                          series=[{"event": "*", "measure": "users"}],
                          breakdown={"field": "extra_data.group", "limit": GROUPS})
        found = {(series["breakdown"], point["time"][:10]): point["value"]
                 for series in answer["series"] for point in series["points"] if point["value"]}
        self.assertEqual(found, {(g, day): int(users) for g, day, users in self.theirs["users"]})
        totals = {series["breakdown"]: series["total"] for series in answer["series"]}
        theirs = {group: int(users) for group, users in self.theirs["total users"]}
        self.assertEqual(totals, theirs)
        top = self.ask(kind="top", field="extra_data.group", measure="users", limit=GROUPS)
        self.assertEqual([(row["value"], row["count"]) for row in top["rows"]],
                         sorted(theirs.items(), key=lambda item: (-item[1], item[0])))

    def test_retention(self):
        """What ClickHouse does not know stays out: a return in the start's own period."""
        for period, days in (("day", 1), ("week", 7)):
            with self.subTest(period=period):
                answer = self.ask(kind="retention", start="a", period=period, periods=PERIODS,
                                  cohort="recurring", timezone=self.zone, **{"return": "b"})
                found = collections.OrderedDict()
                for cohort in answer["cohorts"]:
                    day = datetime.date.fromisoformat(cohort["time"][:10])
                    number = (day - datetime.date(1970, 1, 1)).days
                    number = number if days == 1 else (number + 3) // 7
                    later = [returned or 0 for returned in cohort["returned"][1:]]
                    found[number] = [cohort["size"], *later]
                theirs = {int(n0): json.loads(counts)
                          for n0, counts in self.theirs["retention", period]}
                self.assertEqual(found, theirs)


if __name__ == "__main__":
    unittest.main()
