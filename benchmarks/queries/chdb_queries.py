"""Times ClickHouse in process (chDB) over the rows that insightflow_bench_queries has written.

The table is sorted by user and time and merged before anything is timed. The funnel's levels are
compared with what InsightFlow answers in ClickHouse's mode; a difference ends the run. Prints one
JSON object.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

from chdb import session

COLUMNS = "user String, time Int64, type LowCardinality(String), page LowCardinality(String)"
STEPS = "type = 'view', type = 'click', type = 'form', type = 'purchase'"
QUERIES = {
    "funnel_4_clickhouse": f"""SELECT level, count() FROM (SELECT windowFunnel(604800000)(
        toUInt64(time), {STEPS}) AS level FROM bench.events GROUP BY user) GROUP BY level
        ORDER BY level""",
    "sessions": """SELECT count(), sum(n = 1) FROM (SELECT user, session, count() AS n FROM (
        SELECT user, sum(new) OVER (PARTITION BY user ORDER BY time ROWS UNBOUNDED PRECEDING)
        AS session FROM (SELECT user, time, time - lagInFrame(time, 1, -1800001) OVER (
        PARTITION BY user ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > 1800000 AS new
        FROM bench.events)) GROUP BY user, session)""",
    "count_by_day_and_type": """SELECT intDiv(time, 86400000) AS day, type, count()
        FROM bench.events GROUP BY day, type""",
    "users_by_hour_and_type": """SELECT intDiv(time, 3600000) AS hour, type, uniqExact(user)
        FROM bench.events GROUP BY hour, type""",
}


def load(store, path):
    store.query("CREATE DATABASE bench")
    store.query(f"CREATE TABLE bench.events ({COLUMNS}) ENGINE = MergeTree ORDER BY (user, time)")
    begin = time.monotonic()
    store.query(f"INSERT INTO bench.events SELECT * FROM file('{path}', TSV, '{COLUMNS}')")
    loaded = time.monotonic() - begin
    store.query("OPTIMIZE TABLE bench.events FINAL")
    return loaded


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="what insightflow_bench_queries --rows wrote")
    parser.add_argument("--ours", required=True, help="its JSON")
    parser.add_argument("--dir", default=None, help="where the store is made")
    parser.add_argument("--runs", type=int, default=3, help="the median is told")
    args = parser.parse_args()
    with open(args.ours, encoding="utf-8") as file:
        ours = json.load(file)
    folder = tempfile.mkdtemp(dir=args.dir)
    out = {"benchmark": "chdb_queries"}
    try:
        store = session.Session(folder)
        out["load_seconds"] = load(store, os.path.abspath(args.rows))
        store.query("SET max_threads = 2")
        for name, sql in QUERIES.items():
            seconds = []
            for _ in range(args.runs + 1):
                begin = time.monotonic()
                rows = json.loads(store.query(sql, "JSONCompact").bytes())["data"]
                seconds.append(time.monotonic() - begin)
            if name == "funnel_4_clickhouse":
                compare(rows, json.loads(ours[name]["answer"]))
            out[name] = {"median_seconds": statistics.median(seconds[1:]),
                         "ratio": statistics.median(seconds[1:]) / ours[name]["median_seconds"]}
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(out))


def compare(levels, answer):
    """Users who reached a step, from users by their level."""
    by_level = {int(level): int(users) for level, users in levels}
    theirs = [sum(n for level, n in by_level.items() if level >= step) for step in range(1, 5)]
    ours = [step["users"] for step in answer["steps"]]
    if theirs != ours:
        sys.exit(f"the funnels differ: {theirs}, not {ours}")


if __name__ == "__main__":
    main()
