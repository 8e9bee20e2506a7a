"""Runs the workloads one after another, keeps their JSON and prints figures beside bars.

A program that fails, or whose results are not what its rivals hold, ends the run: there is no
figure without a right answer. A missed bar is told, not an error: machines differ.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from report import MIB, Bench, Table, warn_of_load  # noqa: E402


class Workloads(Bench):
    def load(self, name, *options):
        return self.run(name, [self.tool("insightflow_load"), "--server", self.tool("insightflow"),
                               "--dir", self.data, "--seconds", self.seconds(), *options])

    def seconds(self):
        return "2" if self.args.quick else "8"

    def runs(self):
        return 1 if self.args.quick else 5

    def events(self):
        return 1_000_000 if self.args.quick else 8_000_000


def ingest(bench):
    """Into the log and the live numbers: what folding costs is told by the sustained run."""
    return bench.run("ingest", [
        bench.tool("insightflow_bench_ingest"), "--dir", bench.data, "--runs", str(bench.runs()),
        "--events", str(bench.events()), "--rival-events", str(bench.events() // 20),
        "--no-fold", "--sinks", "engine", "engine-blocking", "naive", "sqlite"])


def sustained(bench):
    """Sends the input again and again with new ids, as one long run, and folds meanwhile."""
    passes = 3 if bench.args.quick else 7
    return bench.run("ingest_sustained", [
        bench.tool("insightflow_bench_ingest"), "--dir", bench.data, "--events",
        str(bench.events()), "--passes", str(passes), "--sinks", "engine"])


def import_file(bench):
    """The same JSON lines through `insightflow import` and, when asked, through ClickHouse."""
    events = 200_000 if bench.args.quick else 2_000_000
    lines, summary = os.path.join(bench.data, "events.ndjson"), os.path.join(bench.data, "sum.json")
    subprocess.run([bench.tool("insightflow_generate"), "--events", str(events), "--out", lines,
                    "--summary", summary], check=True)
    with open(lines, "rb") as file:
        os.fsync(file.fileno())  # or who loads it first has its pages written out beside
    seconds = []
    for _ in range(min(bench.runs(), 3)):
        with tempfile.TemporaryDirectory(dir=bench.data) as store:
            result = bench.run("import", [bench.tool("insightflow"), "import", lines, "--format",
                                          "ndjson", "--data", os.path.join(store, "store")])
        if result["accepted"] != events:
            sys.exit(f"import accepted {result['accepted']} of {events} lines")
        seconds.append(result["seconds"])
    ours = bench.keep("import", {"events": events, "seconds": seconds, "events_per_second":
                                 events / statistics.median(seconds)})
    rival = None
    if bench.args.rivals_python:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ingest", "chdb_load.py")
        rival = bench.run("chdb", [bench.args.rivals_python, script, lines, "--summary", summary,
                                   "--dir", bench.data, "--runs", str(min(bench.runs(), 3))])
    os.unlink(lines)
    return ours, rival


def http(bench):
    batches = bench.load("http_batches")
    single = bench.load("http_single", "--events", "1", "--connections", "128")
    half_batches = batches["collect"]["requests_per_second"] / 2
    half_single = single["collect"]["requests_per_second"] / 2
    return {
        "batches": batches,
        "single": single,
        "batches_half": bench.load("http_batches_half", "--rate", f"{half_batches:.0f}",
                                   "--query-rate", "200"),
        "single_half": bench.load("http_single_half", "--events", "1", "--connections", "128",
                                  "--rate", f"{half_single:.0f}"),
    }


def live(bench, half_rate):
    return bench.run("live", [bench.tool("insightflow_bench_live"), "--dir", bench.data,
                              "--rate", f"{half_rate:.0f}", "--seconds", bench.seconds()])


def ingest_rows(table, result, long_run, rival):
    by_name = {row["name"]: row for row in result["results"]}
    engine, rate = by_name["engine"], by_name["engine"]["events_per_second"]
    table.add("P1", "ingest into log and live, 2 threads", rate / 1e6, "M events/s", 2.0)
    table.add("", "    answered in, p50", engine["ack"]["p50_ms"], "ms")
    table.add("", "    answered in, p99", engine["ack"]["p99_ms"], "ms")
    table.add("", "    processor time", engine["cpu_us_per_event"], "us/event")
    table.add_ratio("the naive twin", rate, by_name["naive"]["events_per_second"])
    table.add_ratio("SQLite", rate, by_name["sqlite"]["events_per_second"])
    if rival:
        table.add_ratio("ClickHouse loading the same data", rate, rival["events_per_second"], 1.5)
        table.add_ratio("the same, in processor time", rival["cpu_us_per_event"],
                        engine["cpu_us_per_event"])
    table.add("", "the same with blocking calls",
              by_name["engine-blocking"]["events_per_second"] / 1e6, "M events/s")
    steady = long_run["results"][0]
    table.add("P1", f"sustained over {steady['events'] // 1_000_000} M events, folding on",
              steady["events_per_second"] / 1e6, "M events/s", 1.5)
    table.add("", "    folded when the last was answered", 100 * steady["folded_share"], "%")
    table.add("", "    until all of it was folded", steady["events"] / steady["folded_seconds"] /
              1e6, "M events/s")
    table.add("P10", "    its last tenth over its second", steady["tenths"][-1] /
              steady["tenths"][1], "x")
    table.add("P9", "memory of the long run, without dedupe",
              (steady["memory_peak_bytes"] - steady["dedupe_bytes"]) / MIB, "MiB", 512, False)
    table.add("", "    dedupe", steady["dedupe_bytes"] / MIB, "MiB")
    table.add("", "disk, log and what is folded", steady["disk_bytes_per_event"], "bytes/event")


def http_rows(table, result):
    table.add("P3", "batches of 100 over HTTP",
              result["batches"]["collect"]["events_per_second"] / 1e3, "k events/s", 400)
    table.add("", "    at half load, p99", result["batches_half"]["collect"]["latency"]["p99_ms"],
              "ms", 20, False)
    table.add("", "single events over HTTP",
              result["single"]["collect"]["requests_per_second"] / 1e3, "k requests/s", 25)
    table.add("", "    at half load, p99", result["single_half"]["collect"]["latency"]["p99_ms"],
              "ms", 20, False)
    table.add("P9", "memory of an idle server",
              result["batches"]["server"]["memory_idle_bytes"] / MIB, "MiB", 30, False)
    table.add("P7", "live queries over HTTP at half load, p99",
              result["batches_half"]["query"]["latency"]["p99_ms"], "ms", 5, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder of the bench preset")
    parser.add_argument("--rivals-python", default=None, help="a Python that has chDB")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run each")
    parser.add_argument("--save", action="store_true", help="keep the figures among the sources")
    args = parser.parse_args()
    bench = Workloads(args.build, args)
    table = Table()
    result = ingest(bench)
    long_run = sustained(bench)
    imported, rival = import_file(bench)
    ingest_rows(table, result, long_run, rival)
    table.add("", "import of JSON lines from a file", imported["events_per_second"] / 1e6,
              "M events/s")
    if rival:
        table.add_ratio("ClickHouse loading the same file", imported["events_per_second"],
                        rival["events_per_second"], 2.0)
    http_rows(table, http(bench))
    half_rate = result["results"][0]["events_per_second"] / 2
    answers = live(bench, half_rate)
    table.add("P7", "live queries in process at half load, p99", answers["all"]["p99_ms"], "ms", 1,
              False)
    warn_of_load(bench.machine)
    table.print()
    if args.save:
        bench.save("ingest", bench.events(), table)


if __name__ == "__main__":
    main()
