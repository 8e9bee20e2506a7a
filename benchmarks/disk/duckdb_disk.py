"""Bytes an event in DuckDB's file, ordered by user and time, after a checkpoint.

Ids are numbers; DuckDB chooses its codecs itself. Prints one JSON object.
"""

import argparse
import json
import os
import tempfile

import duckdb

COLUMNS = {"event_id": "UUID", "user_id": "VARCHAR", "session_id": "VARCHAR",
           "event_type": "VARCHAR", "page_url": "VARCHAR", "timestamp": "BIGINT",
           "page_title": "VARCHAR", "element": "VARCHAR", "position_x": "INTEGER",
           "position_y": "INTEGER", "user_agent": "VARCHAR", "extra_data": "VARCHAR"}
MEMORY_MAX = "8GB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="what insightflow_bench_rows --all wrote")
    parser.add_argument("--dir", default=None, help="where the store is made")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        path = os.path.join(folder, "bench.duckdb")
        store = duckdb.connect(path)
        store.execute(f"SET threads = 2; SET memory_limit = '{MEMORY_MAX}'; "
                      f"SET temp_directory = '{folder}/spill'")
        store.execute(f"""CREATE TABLE events AS
            SELECT * REPLACE (('0x' || session_id)::UBIGINT AS session_id)
            FROM read_csv('{os.path.abspath(args.rows)}', delim = '\t', header = false, quote = '',
            escape = '', nullstr = '\\N', auto_detect = false, columns = {COLUMNS})
            ORDER BY user_id, timestamp""")
        store.execute("CHECKPOINT")
        held = store.execute("SELECT event_type, count(*), count(DISTINCT event_id) FROM events "
                             "GROUP BY event_type").fetchall()
        block, used = store.execute(
            "SELECT block_size, used_blocks FROM pragma_database_size()").fetchone()
        store.close()
        file_bytes = os.path.getsize(path)
    events = sum(row[1] for row in held)
    print(json.dumps({"benchmark": "duckdb_disk", "version": duckdb.__version__,
                      "by_type": {row[0]: row[1] for row in held},
                      "ids": sum(row[2] for row in held),
                      "used_bytes_per_event": block * used / events,
                      "file_bytes_per_event": file_bytes / events}))


if __name__ == "__main__":
    main()
