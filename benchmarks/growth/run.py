"""Measures a store as it grows to --events, at each power of ten from a million on: bars P2 and
P10.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
from report import MIB, Bench, Table, warn_of_load  # noqa: E402

DEDUPE_BUDGET_MIB = 1024
TIMEOUT = 1800


def sizes_up_to(events):
    sizes, size = [], 1_000_000
    while size < events:
        sizes.append(size)
        size *= 10
    return sizes + [events]


def dedupe_rows(table, first, last):
    """From an empty window to that of the greatest store."""
    empty, full = first["ingest"], last["ingest"]
    table.add("", "ingest into log and live, empty window", empty["events_per_second"] / 1e6,
              "M events/s")
    table.add("P2", f"    with {last['dedupe_ids'] / 1e6:.4g} M ids in the window",
              full["events_per_second"] / 1e6, "M events/s")
    table.add("", "    over the empty window", full["events_per_second"] /
              empty["events_per_second"], "x", 0.7)
    table.add("", "    the same in processor time", empty["cpu_us_per_event"] /
              full["cpu_us_per_event"], "x")
    table.add("", "    memory of the window", full["dedupe_bytes_after"] / MIB, "MiB",
              DEDUPE_BUDGET_MIB, False)


def size_rows(table, size, before):
    millions = size["stored"] / 1e6
    table.add("", f"{millions:.4g} M events stored: ingest", size["ingest"]["cpu_us_per_event"],
              "us/event")
    if size["grow_events"]:
        table.add("", "    up to here with folding on", size["grow_events"] / size["grow_seconds"] /
                  1e6, "M events/s")
    for name, timed in size["queries"].items():
        told = timed["median_seconds"]
        table.add("", f"    {name.replace('_', ' ')}", 1e3 * told, "ms")
        if before:
            events = size["stored"] / before["stored"]
            table.add("P10", f"    for {events:.4g} x as many events, an event",
                      told / before["queries"][name]["median_seconds"] / events, "x")
    table.add("P10", "    opening", size["open_seconds"], "s", 1, False)
    table.add("", "    and its first answer", 1e3 * size["first_answer_seconds"], "ms")
    table.add("", "    and its first ingest", 1e3 * size["first_ingest_seconds"], "ms")
    table.add("", "    memory, at most", size["memory_peak_bytes"] / MIB, "MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder of the bench preset")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--save", action="store_true", help="keep the figures among the sources")
    args = parser.parse_args()
    bench = Bench(args.build, args)
    sizes = [str(size) for size in sizes_up_to(args.events)]
    result = bench.run("growth", [bench.tool("insightflow_bench_growth"), "--dir", bench.data,
                                  "--timed-events", str(min(args.events, 1_000_000)),
                                  "--sizes", *sizes], TIMEOUT)
    grown = result["sizes"]
    table = Table()
    dedupe_rows(table, result["empty"], grown[-1])
    for i, size in enumerate(grown):
        size_rows(table, size, grown[i - 1] if i else None)
    table.add("P10", "processor time of an event, greatest store over smallest",
              grown[-1]["ingest"]["cpu_us_per_event"] / grown[0]["ingest"]["cpu_us_per_event"],
              "x", 1.2, False)
    table.add("", "    the same by the clock", grown[0]["ingest"]["events_per_second"] /
              grown[-1]["ingest"]["events_per_second"], "x", 1.2, False)
    warn_of_load(bench.machine)
    table.print()
    if args.save:
        bench.save("growth", args.events, table)


if __name__ == "__main__":
    main()
