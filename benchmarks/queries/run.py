"""Asks the same questions of InsightFlow, ClickHouse and DuckDB, over the same rows, one after the
other, and weighs their stores: bars P4, P5, P6 and P8.

Answers are compared before any time is told. Bars are for 100 M events; those in seconds are scaled
to the size of the run.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
from report import Bench, Table, warn_of_load  # noqa: E402

BAR_EVENTS = 100_000_000
DAY_MS = 86_400_000
FIRST_DAY_MS = 19_675 * DAY_MS
DISK_EVENTS_MAX = 10_000_000  # unless asked for: rivals take as long again to load all columns
TIMEOUT = 1800
P6 = (("sessions", 0.5), ("count_by_day_and_type", 0.3), ("users_by_hour_and_type", 1.5),
      ("retention_day_14", 1.0), ("paths", 1.0), ("top_pages_by_users", None))


def python(bench, *command):
    return [bench.args.rivals_python, *command, "--dir", bench.data]


def write_rows(bench, name, events, *options):
    path = os.path.join(bench.data, name)
    bench.say(f"writing {events} rows")
    command = [bench.tool("insightflow_bench_rows"), "--events", str(events), "--days",
               str(bench.args.days), "--out", path, *options]
    if os.spawnv(os.P_WAIT, command[0], command) != 0:
        sys.exit(f"{' '.join(command)} failed")
    return path


def our_command(bench, events):
    args = bench.args
    return [bench.tool("insightflow_bench_queries"), "--events", str(events), "--days",
            str(args.days), "--runs", str(args.runs), "--dir", bench.data]


def ask(bench):
    """Ours, then each rival; a rival is compared with all that came before it."""
    args = bench.args
    store = ["--store", args.store] if args.store else []
    ours = bench.run("queries", our_command(bench, args.events) + ["--answers", *store], TIMEOUT)
    rows = write_rows(bench, "rows.tsv", args.events)
    compared, rivals = [bench.result_path("queries")], []
    day = str(FIRST_DAY_MS + args.days // 2 * DAY_MS)
    try:
        for name in ("chdb", "duckdb"):
            script = os.path.join(HERE, f"{name}_queries.py")
            rivals.append(bench.run(f"queries_{name}", python(
                bench, script, rows, "--day", day, "--runs", str(args.runs), "--compare",
                *compared), TIMEOUT))
            compared.append(bench.result_path(f"queries_{name}"))
    finally:
        os.unlink(rows)
    return ours, rivals


def weigh(bench, events):
    ours = bench.run("disk", our_command(bench, events) + ["--disk-only"], TIMEOUT)["all_days"]
    rows = write_rows(bench, "all.tsv", events, "--all")
    rivals = []
    try:
        for name in ("chdb", "duckdb"):
            script = os.path.join(HERE, "..", "disk", f"{name}_disk.py")
            rivals.append(bench.run(f"disk_{name}", python(bench, script, rows), TIMEOUT))
    finally:
        os.unlink(rows)
    for rival in rivals:
        if rival["by_type"] != ours["by_type"] or rival["ids"] != events:
            sys.exit(f"{rival['benchmark']} holds {rival['by_type']}, not {ours['by_type']}")
    return ours, rivals


def seconds(result, name):
    return result[name]["median_seconds"]


def step_users(part):
    answer = json.loads(part["funnel_4_one_day"]["answer"])
    return [step["users"] for step in answer["steps"]]


def funnel_rows(table, ours, rivals, scale):
    everything, together = ours["all_days"], ours["one_partition"]
    mine = seconds(everything, "funnel_4")
    clickhouse, duckdb = rivals
    table.add("P4", "funnel of 4, all events in one partition", seconds(together, "funnel_4"), "s",
              0.40 * scale, False)
    table.add("", f"    over {ours['days']} partitions", mine, "s")
    table.add_ratio("windowFunnel of ClickHouse", seconds(clickhouse, "funnel_4_clickhouse"), mine,
                    10)
    table.add_ratio("DuckDB's greedy joins, which find fewer",
                    seconds(duckdb, "funnel_4_greedy"), mine, 4)
    table.add_ratio("DuckDB's exact window functions", seconds(duckdb, "funnel_4"), mine)
    table.add("", "    in ClickHouse's mode", seconds(everything, "funnel_4_clickhouse"), "s")
    table.add_ratio("windowFunnel of ClickHouse", seconds(clickhouse, "funnel_4_clickhouse"),
                    seconds(everything, "funnel_4_clickhouse"))
    table.add("P5", f"funnel of 4 over {ours['days']} partitions", ours["events"] / mine / 1e6,
              "M events/s", 150)
    many, day = ours["many_days"], ours["that_day"]
    if step_users(many) != step_users(day):
        sys.exit(f"a day of many: {step_users(many)}, by itself: {step_users(day)}")
    table.add("", f"    one day of {3 * ours['days']}", 1e3 * seconds(many, "funnel_4_one_day"),
              "ms")
    table.add("", "    over a store of that day alone", seconds(many, "funnel_4_one_day") /
              seconds(day, "funnel_4_one_day"), "x", 1.5, False)


def other_rows(table, ours, rivals, scale):
    for name, bar in P6:
        mine = seconds(ours["all_days"], name)
        table.add("P6" if bar else "", name.replace("_", " "), mine, "s",
                  bar * scale if bar else None, False)
        for rival in rivals:
            table.add_ratio(rival["name"], seconds(rival, name), mine, 1 if bar else None)


def own_disk_rows(table, ours, events):
    table.add("P8", f"columns on disk, {events / 1e6:g} M events", ours["segment_bytes_per_event"],
              "bytes/event", 28, False)
    table.add("", "    the whole folder, with the log", ours["folder_bytes_per_event"],
              "bytes/event")


def disk_rows(table, ours, rivals):
    clickhouse, duckdb = rivals
    share = ours["segment_bytes_per_event"]
    for name, rival, bar in (
            ("ClickHouse, merged, LZ4", clickhouse["lz4_bytes_per_event"], 0.9),
            ("ClickHouse, merged, ZSTD", clickhouse["zstd_bytes_per_event"], None),
            ("ClickHouse, merged, ZSTD and JSON", clickhouse["zstd_json_bytes_per_event"], None),
            ("DuckDB", duckdb["used_bytes_per_event"], 0.7)):
        table.add("", f"    columns over {name} ({rival:.1f})", share / rival, "x", bar, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder of the bench preset")
    parser.add_argument("--rivals-python", required=True, help="a Python with chDB and DuckDB")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--disk-events", type=int, default=0,
                        help="size of the stores that are weighed beside rivals; default: that of "
                             "the run up to 10 M, past it none")
    parser.add_argument("--runs", type=int, default=5, help="medians of so many")
    parser.add_argument("--store", default=None, help="keep our stores there and use them again")
    parser.add_argument("--save", action="store_true", help="keep the figures among the sources")
    args = parser.parse_args()
    bench = Bench(args.build, args)
    ours, rivals = ask(bench)
    disk_events = args.disk_events or (args.events if args.events <= DISK_EVENTS_MAX else 0)
    weighed = weigh(bench, disk_events) if disk_events else None
    table = Table()
    scale = args.events / BAR_EVENTS
    funnel_rows(table, ours, rivals, scale)
    other_rows(table, ours, rivals, scale)
    own_disk_rows(table, ours["all_days"], args.events)
    if weighed:
        if disk_events != args.events:
            own_disk_rows(table, weighed[0], disk_events)
        disk_rows(table, *weighed)
    warn_of_load(bench.machine)
    print(f"{args.events / 1e6:g} M events; bars in seconds are for 100 M, scaled by {scale:g}")
    print("; ".join(f"{rival['name']} {rival['version']}" for rival in rivals))
    table.print()
    if args.save:
        bench.save("queries", args.events, table)


if __name__ == "__main__":
    main()
