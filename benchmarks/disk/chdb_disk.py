"""Bytes an event in ClickHouse (chDB), ordered by user and time and merged into one part.

Ids are numbers, names that repeat have dictionaries. Three tables of the same rows: with the
default codec (LZ4), with ZSTD, and with ZSTD and the properties as ClickHouse's JSON type, which
makes columns of them. Prints one JSON object.
"""

import argparse
import json
import os
import tempfile

from chdb import session

FILE = """event_id UUID, user_id String, session_id String, event_type String, page_url String,
    timestamp Int64, page_title String, element String, position_x Nullable(Int32),
    position_y Nullable(Int32), user_agent String, extra_data String"""
COLUMNS = (
    ("event_id", "UUID", ""),
    ("user_id", "String", ""),
    ("session_id", "UInt64", ""),
    ("event_type", "LowCardinality(String)", ""),
    ("page_url", "LowCardinality(String)", ""),
    ("timestamp", "Int64", "Delta, "),
    ("page_title", "LowCardinality(String)", ""),
    ("element", "LowCardinality(String)", ""),
    ("position_x", "Nullable(Int32)", ""),
    ("position_y", "Nullable(Int32)", ""),
    ("user_agent", "LowCardinality(String)", ""),
    ("extra_data", "String", ""),
)


def definition(zstd, as_json):
    columns = []
    for name, kind, before in COLUMNS:
        kind = "JSON" if as_json and name == "extra_data" else kind
        columns.append(f"{name} {kind}" + (f" CODEC({before}ZSTD(1))" if zstd else ""))
    return ", ".join(columns)


def make(store, table, columns, source):
    store.query(f"CREATE TABLE bench.{table} ({columns}) ENGINE = MergeTree "
                "ORDER BY (user_id, timestamp)")
    store.query(f"INSERT INTO bench.{table} SELECT {source}")
    store.query(f"OPTIMIZE TABLE bench.{table} FINAL")
    size = store.query("SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active "
                       f"AND database = 'bench' AND table = '{table}'", "TabSeparated")
    size_bytes, rows = (int(text) for text in size.bytes().split())
    return size_bytes / rows


def content(store, table):
    rows = store.query(f"SELECT event_type, count(), uniqExact(event_id) FROM bench.{table} "
                       "GROUP BY event_type", "JSONCompact")
    held = json.loads(rows.bytes())["data"]
    return ({row[0]: int(row[1]) for row in held}, sum(int(row[2]) for row in held))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="what insightflow_bench_rows --all wrote")
    parser.add_argument("--dir", default=None, help="where the store is made")
    args = parser.parse_args()
    names = ", ".join(name for name, _, _ in COLUMNS).replace(
        "session_id", "reinterpretAsUInt64(reverse(unhex(session_id))) AS session_id")
    source = f"{names} FROM file('{os.path.abspath(args.rows)}', TSV, '{' '.join(FILE.split())}')"
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        store = session.Session(folder)
        store.query("SET max_threads = 2")
        store.query("CREATE DATABASE bench")
        version = store.query("SELECT version()", "TabSeparated").bytes().decode().strip()
        lz4 = make(store, "lz4", definition(False, False), source)
        by_type, ids = content(store, "lz4")
        zstd = make(store, "zstd", definition(True, False), "* FROM bench.lz4")
        as_json = make(store, "json", definition(True, True), "* FROM bench.lz4")
        store.close()
    print(json.dumps({"benchmark": "chdb_disk", "version": version, "by_type": by_type, "ids": ids,
                      "lz4_bytes_per_event": lz4, "zstd_bytes_per_event": zstd,
                      "zstd_json_bytes_per_event": as_json}))


if __name__ == "__main__":
    main()
