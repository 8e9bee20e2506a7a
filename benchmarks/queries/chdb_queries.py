"""Asks ClickHouse in process (chDB) the questions of insightflow_bench_queries, over the same rows.

The table is sorted by user and time and merged before anything is asked. Prints one JSON object.
"""

import json
import os
import sys
import time

from chdb import session

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rivals import (DAY_MS, GAP_MS, HOUR_MS, PATH_STEPS, STEPS, WINDOW_MS, Question,  # noqa: E402
                    cells, cohorts, main, paths, ranked, whole)

COLUMNS = "user_id String, time Int64, type LowCardinality(String), page LowCardinality(String)"

CONDITIONS = ", ".join(f"type = '{step}'" for step in STEPS)
FUNNEL = f"""SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3),
    countIf(level >= 4) FROM (SELECT windowFunnel({WINDOW_MS})(toUInt64(time), {CONDITIONS})
    AS level FROM bench.events GROUP BY user_id)"""

# The first view, then the first click after it, and so on: what DuckDB's joins do.
GREEDY = f"""WITH
    arrayMin(views) AS t1,
    arrayFilter(t -> t >= t1 AND t <= t1 + {WINDOW_MS}, clicks) AS c,
    arrayFilter(t -> t >= arrayMin(c) AND t <= t1 + {WINDOW_MS}, forms) AS f,
    arrayFilter(t -> t >= arrayMin(f) AND t <= t1 + {WINDOW_MS}, purchases) AS p
    SELECT count(), countIf(notEmpty(c)), countIf(notEmpty(c) AND notEmpty(f)),
    countIf(notEmpty(c) AND notEmpty(f) AND notEmpty(p)) FROM (SELECT
    groupArrayIf(time, type = 'view') AS views, groupArrayIf(time, type = 'click') AS clicks,
    groupArrayIf(time, type = 'form') AS forms, groupArrayIf(time, type = 'purchase') AS purchases
    FROM bench.events GROUP BY user_id) WHERE notEmpty(views)"""


def visits(columns, where=""):
    """Each user's events as an array, cut where a gap is long: twice as fast as by windows."""
    return f"""SELECT user_id, arrayJoin(arraySplit((e, gap) -> gap > {GAP_MS}, events,
        arrayDifference(arrayMap(e -> e.1, events)))) AS visit FROM (SELECT user_id,
        arraySort(groupArray({columns})) AS events FROM bench.events {where} GROUP BY user_id)"""


SESSIONS = f"""SELECT count(), uniqExact(user_id),
    countIf(length(visit) = 1 AND visit[1].2 = 'view'), sum(visit[-1].1 - visit[1].1)
    FROM ({visits('(time, type)')})"""

COUNT = f"""SELECT intDiv(time, {DAY_MS}) AS day, type, count() FROM bench.events
    GROUP BY day, type"""
USERS = f"""SELECT intDiv(time, {HOUR_MS}) AS hour, type, uniqExact(user_id) FROM bench.events
    GROUP BY hour, type"""

RETENTION = f"""SELECT day, k, count() FROM (SELECT intDiv(t, {DAY_MS}) AS day,
    arrayJoin(arrayConcat([toInt64(-1)], arrayDistinct(arrayMap(
    c -> intDiv(c, {DAY_MS}) - intDiv(t, {DAY_MS}), arrayFilter(c -> c >= t, clicks))))) AS k
    FROM (SELECT minIf(time, type = 'view') AS t, countIf(type = 'view') AS views,
    groupArrayIf(time, type = 'click') AS clicks FROM bench.events GROUP BY user_id
    HAVING views > 0)) WHERE k < 14 GROUP BY day, k"""

TOP_PAGES = """SELECT page, uniqExact(user_id) AS users FROM bench.events WHERE type = 'view'
    GROUP BY page"""


def walks(where=""):
    """Of each session the pages from its first view on, repeats folded."""
    return f"""SELECT depth, page, count(), uniqExact(user_id) FROM (SELECT user_id,
        arraySlice(arrayCompact(arrayMap(e -> e.3, arraySlice(visit, start))), 1, {PATH_STEPS})
        AS steps FROM (SELECT user_id, visit, arrayFirstIndex(e -> e.2 = 'view', visit) AS start
        FROM ({visits('(time, type, page)', where)})) WHERE start > 0)
        ARRAY JOIN steps AS page, arrayMap(i -> i - 1, arrayEnumerate(steps)) AS depth
        GROUP BY depth, page"""


def questions(day):
    one_day = f"WHERE time >= {day} AND time < {day + DAY_MS}"
    return [
        Question("funnel_4_clickhouse", FUNNEL, whole),
        Question("funnel_4_greedy", GREEDY, whole, False),
        Question("sessions", SESSIONS, whole),
        Question("count_by_day_and_type", COUNT, cells),
        Question("users_by_hour_and_type", USERS, cells),
        Question("retention_day_14", RETENTION, cohorts),
        Question("paths_one_day", walks(one_day), paths, False),
        Question("paths", walks(), paths),
        Question("top_pages_by_users", TOP_PAGES, ranked),
    ]


class ClickHouse:
    name = "ClickHouse"

    def __init__(self, folder, rows, memory_mib):
        self.store = session.Session(folder)
        self.version = self.ask("SELECT version()")[0][0]
        self.store.query("SET max_threads = 2")
        self.store.query(f"SET max_memory_usage = {memory_mib << 20}")
        for what in ("sort", "group_by"):
            self.store.query(f"SET max_bytes_before_external_{what} = {memory_mib << 19}")
        # Users are neighbours: each is done before the next begins.
        self.store.query("SET optimize_aggregation_in_order = 1")
        self.store.query("CREATE DATABASE bench")
        self.store.query(f"CREATE TABLE bench.events ({COLUMNS}) ENGINE = MergeTree "
                         "ORDER BY (user_id, time)")
        begin = time.monotonic()
        self.store.query(f"INSERT INTO bench.events SELECT * FROM file('{rows}', TSV, '{COLUMNS}')")
        self.store.query("OPTIMIZE TABLE bench.events FINAL")
        self.load_seconds = time.monotonic() - begin

    def ask(self, sql):
        return json.loads(self.store.query(sql, "JSONCompact").bytes())["data"]

    def close(self):
        self.store.close()


if __name__ == "__main__":
    main(__doc__, ClickHouse, questions)
