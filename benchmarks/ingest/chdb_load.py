"""Times ClickHouse in process (chDB) as it loads a file of JSON lines into a MergeTree.

What it holds is compared with what the file was made of before any time is told. Prints one JSON
object. No synced write a batch, no deduplication and no validation: what it need not do, it does
not pay for.
"""

import argparse
import collections
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

from chdb import session

Load = collections.namedtuple("Load", "seconds cpu_seconds by_type ids bytes_on_disk")

COLUMNS = """event_id String, user_id String, session_id String, event_type LowCardinality(String),
    page_url String, timestamp Int64, page_title String, element LowCardinality(String),
    position_x Nullable(Int32), position_y Nullable(Int32), user_agent LowCardinality(String),
    extra_data String"""


def load(path, folder):
    """Loads the file into a new store. The lines come in the table's order: nothing to sort."""
    store = session.Session(folder)
    store.query("CREATE DATABASE bench")
    store.query(f"CREATE TABLE bench.events ({COLUMNS}) ENGINE = MergeTree "
                "ORDER BY timestamp")
    begin, cpu_begin = time.monotonic(), time.process_time()
    store.query("INSERT INTO bench.events SELECT * "
                f"FROM file('{path}', JSONEachRow, '{' '.join(COLUMNS.split())}')")
    seconds, cpu_seconds = time.monotonic() - begin, time.process_time() - cpu_begin
    rows = store.query("SELECT event_type, count(), uniqExact(event_id) FROM bench.events "
                       "GROUP BY event_type", "JSONCompact")
    held = json.loads(rows.bytes())["data"]
    size = store.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active "
                       "AND database = 'bench'", "TabSeparated")
    bytes_on_disk = int(size.bytes())
    store.close()
    return Load(seconds, cpu_seconds, {row[0]: int(row[1]) for row in held},
                sum(int(row[2]) for row in held), bytes_on_disk)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="JSON lines of insightflow_generate")
    parser.add_argument("--summary", required=True, help="what insightflow_generate wrote of them")
    parser.add_argument("--dir", default=None, help="where the stores are made")
    parser.add_argument("--runs", type=int, default=3, help="the median is told")
    args = parser.parse_args()
    with open(args.summary, encoding="utf-8") as file:
        expected = json.load(file)
    loads = []
    for _ in range(args.runs):
        folder = tempfile.mkdtemp(dir=args.dir)
        try:
            loads.append(load(os.path.abspath(args.file), folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if loads[-1].by_type != expected["by_type"] or loads[-1].ids != expected["events"]:
            sys.exit(f"chdb holds {loads[-1]}, not {expected}")
    events = expected["events"]
    median = statistics.median(run.seconds for run in loads)
    cpu = statistics.median(run.cpu_seconds for run in loads)
    print(json.dumps({"benchmark": "chdb_load", "events": events, "seconds": median,
                      "runs": [events / run.seconds for run in loads],
                      "events_per_second": events / median, "cpu_us_per_event": 1e6 * cpu / events,
                      "disk_bytes_per_event": loads[-1].bytes_on_disk / events}))


if __name__ == "__main__":
    main()
