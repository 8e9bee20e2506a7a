"""Asks DuckDB the questions of insightflow_bench_queries, over the same rows.

The table is sorted by user and time before anything is asked. The funnel is asked twice: by joins
that take each step's first event, which is fast but finds fewer users than there are, and exactly,
by window functions. Prints one JSON object.
"""

import os
import sys
import time

import duckdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rivals import (DAY_MS, GAP_MS, HOUR_MS, PATH_STEPS, STEPS, WINDOW_MS, Question,  # noqa: E402
                    cells, cohorts, main, paths, ranked, whole)

COLUMNS = {"user_id": "VARCHAR", "time": "BIGINT", "type": "VARCHAR", "page": "VARCHAR"}
KINDS = ", ".join(f"'{kind}'" for kind in STEPS + ("scroll",))


def greedy():
    """The first view, then the first click after it, and so on."""
    steps = [f"s1 AS (SELECT user_id, min(time) AS t1, min(time) AS t FROM events "
             f"WHERE type = '{STEPS[0]}' GROUP BY user_id)"]
    for k, step in enumerate(STEPS[1:], start=2):
        steps.append(f"""s{k} AS (SELECT e.user_id, any_value(s.t1) AS t1, min(e.time) AS t
            FROM events e JOIN s{k - 1} s ON e.user_id = s.user_id WHERE e.type = '{step}'
            AND e.time >= s.t AND e.time <= s.t1 + {WINDOW_MS} GROUP BY e.user_id)""")
    counts = ", ".join(f"(SELECT count(*) FROM s{k})" for k in range(1, len(STEPS) + 1))
    return f"WITH {', '.join(steps)} SELECT {counts}"


def exact():
    """At each event the latest first step of a chain that has come so far. Ties are peers."""
    window = "OVER (PARTITION BY user_id ORDER BY time)"
    rows = (f"SELECT user_id, time, type, max(CASE WHEN type = '{STEPS[0]}' THEN time END) "
            f"{window} AS start1 FROM events WHERE type <> 'scroll'")
    for k, step in enumerate(STEPS[1:], start=2):
        rows = (f"SELECT *, max(CASE WHEN type = '{step}' AND time - start{k - 1} <= {WINDOW_MS} "
                f"THEN start{k - 1} END) {window} AS start{k} FROM ({rows})")
    reached = ", ".join(f"max(start{k}) AS r{k}" for k in range(1, len(STEPS) + 1))
    counts = ", ".join(f"count(r{k})" for k in range(1, len(STEPS) + 1))
    return f"SELECT {counts} FROM (SELECT user_id, {reached} FROM ({rows}) GROUP BY user_id)"


def numbered(columns, where=""):
    """Rows with the number of their session."""
    return f"""SELECT user_id, {columns}, sum(new) OVER (PARTITION BY user_id ORDER BY time
        ROWS UNBOUNDED PRECEDING) AS session FROM (SELECT user_id, {columns},
        CASE WHEN time - lag(time) OVER (PARTITION BY user_id ORDER BY time) > {GAP_MS}
        THEN 1 ELSE 0 END AS new FROM events {where})"""


SESSIONS = f"""SELECT count(*), count(DISTINCT user_id),
    count(*) FILTER (views <= 1 AND others = 0), sum(last - first) FROM (SELECT user_id,
    min(time) AS first, max(time) AS last, count(*) FILTER (type = 'view') AS views,
    count(*) FILTER (type <> 'view') AS others FROM ({numbered('time, type')})
    GROUP BY user_id, session)"""

COUNT = f"SELECT time // {DAY_MS} AS day, type, count(*) FROM events GROUP BY day, type"
USERS = f"""SELECT time // {HOUR_MS} AS hour, type, count(DISTINCT user_id) FROM events
    GROUP BY hour, type"""

RETENTION = f"""WITH starts AS (SELECT user_id, min(time) AS t FROM events WHERE type = 'view'
    GROUP BY user_id) SELECT t // {DAY_MS} AS day, -1 AS k, count(*) FROM starts GROUP BY day
    UNION ALL SELECT s.t // {DAY_MS} AS day, e.time // {DAY_MS} - s.t // {DAY_MS} AS k,
    count(DISTINCT e.user_id) FROM events e JOIN starts s ON e.user_id = s.user_id
    WHERE e.type = 'click' AND e.time >= s.t AND k < 14 GROUP BY day, k"""

TOP_PAGES = """SELECT page, count(DISTINCT user_id) FROM events WHERE type = 'view'
    GROUP BY page"""


def walks(where=""):
    return f"""WITH visits AS ({numbered('time, type, page', where)}),
        started AS (SELECT *, min(CASE WHEN type = 'view' THEN time END)
            OVER (PARTITION BY user_id, session) AS start FROM visits),
        followed AS (SELECT user_id, session, time, page, lag(page) OVER (
            PARTITION BY user_id, session ORDER BY time) AS before FROM started
            WHERE time >= start),
        steps AS (SELECT user_id, page, row_number() OVER (
            PARTITION BY user_id, session ORDER BY time) - 1 AS depth FROM followed
            WHERE before IS NULL OR before <> page)
        SELECT depth, page, count(*), count(DISTINCT user_id) FROM steps
        WHERE depth < {PATH_STEPS} GROUP BY depth, page"""


def questions(day):
    one_day = f"WHERE time >= {day} AND time < {day + DAY_MS}"
    return [
        Question("funnel_4_greedy", greedy(), whole),
        Question("funnel_4", exact(), whole),
        Question("sessions", SESSIONS, whole),
        Question("count_by_day_and_type", COUNT, cells),
        Question("users_by_hour_and_type", USERS, cells),
        Question("retention_day_14", RETENTION, cohorts),
        Question("paths_one_day", walks(one_day), paths, False),
        Question("paths", walks(), paths),
        Question("top_pages_by_users", TOP_PAGES, ranked),
    ]


class DuckDb:
    name = "DuckDB"
    version = duckdb.__version__

    def __init__(self, folder, rows, memory_mib):
        self.store = duckdb.connect(os.path.join(folder, "bench.duckdb"))
        self.store.execute(f"SET threads = 2; SET memory_limit = '{memory_mib}MiB'; "
                           f"SET temp_directory = '{folder}/spill'")
        self.store.execute(f"CREATE TYPE kind AS ENUM ({KINDS})")
        begin = time.monotonic()
        self.store.execute(f"""CREATE TABLE events AS SELECT user_id, time, type::kind AS type, page
            FROM read_csv('{rows}', delim = '\t', header = false, quote = '', escape = '',
            auto_detect = false, columns = {COLUMNS}) ORDER BY user_id, time""")
        self.store.execute("CHECKPOINT")
        self.load_seconds = time.monotonic() - begin

    def ask(self, sql):
        return self.store.execute(sql).fetchall()

    def close(self):
        self.store.close()


if __name__ == "__main__":
    main(__doc__, DuckDb, questions)
