"""What the scripts that run workloads share: running them, keeping their JSON, printing a table.

A program that fails, or whose results are not what its rivals hold, ends the run: there is no
figure without a right answer. A missed bar is told, not an error: machines differ.
"""

import datetime
import json
import os
import subprocess
import sys
import time

MIB = 1 << 20
RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results")


def first_value(path, name):
    """The value of the first line "name : value" of a file in /proc."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return "unknown"


def describe_machine():
    kib = first_value("/proc/meminfo", "MemTotal").split()[0]
    return {"cores": os.cpu_count(), "processor": first_value("/proc/cpuinfo", "model name"),
            "memory_gib": round(int(kib) / MIB, 1), "load_average": os.getloadavg()[0]}


def warn_of_load(machine):
    print(f"{machine['cores']} cores, load average {machine['load_average']:.1f} at the start")
    if machine["load_average"] > 0.5:
        print("other work was running: trust the ratios, not the figures")


def size_name(events):
    for unit, name in ((10 ** 9, "g"), (10 ** 6, "m"), (10 ** 3, "k")):
        if events >= unit and events % unit == 0:
            return f"{events // unit}{name}"
    return str(events)


def without_answers(value):
    if not isinstance(value, dict):
        return value
    return {name: without_answers(member) for name, member in value.items()
            if name not in ("answer", "answers")}


class Bench:
    def __init__(self, build, args):
        self.args = args
        self.build = build
        self.results = os.path.join(build, "results")
        self.data = os.path.join(build, "data")
        os.makedirs(self.results, exist_ok=True)
        os.makedirs(self.data, exist_ok=True)
        self.begin = time.monotonic()
        self.kept = {}
        self.machine = self.keep("machine", describe_machine())

    def tool(self, name):
        folder = "server" if name == "insightflow" else "benchmarks"
        return os.path.join(self.build, folder, name)

    def keep(self, name, result):
        self.kept[name] = result
        with open(self.result_path(name), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
        return result

    def result_path(self, name):
        return os.path.join(self.results, name + ".json")

    def say(self, text):
        print(f"{time.monotonic() - self.begin:5.0f} s  {text}", file=sys.stderr, flush=True)

    def run(self, name, command, timeout=600):
        """The last line that the command prints, as JSON."""
        self.say(name)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=timeout,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"{name} failed with status {done.returncode}: {' '.join(command)}")
        return self.keep(name, json.loads(done.stdout.strip().split("\n")[-1]))

    def save(self, kind, events, table):
        """Keeps the run as benchmarks/results/<date>-<kind>-<size>.json, without the answers."""
        date = datetime.date.today().isoformat()
        path = os.path.join(RESULTS, f"{date}-{kind}-{size_name(events)}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"date": date, "events": events, "table": table.told(),
                       **without_answers(self.kept)}, file, indent=1)
            file.write("\n")
        print(f"kept in {os.path.relpath(path)}")


class Table:
    def __init__(self):
        self.rows = []

    def add(self, bar_id, what, value, unit, bar=None, at_least=True):
        verdict = ""
        if bar is not None:
            met = value >= bar if at_least else value <= bar
            verdict = f"{'>=' if at_least else '<='} {bar:g}  {'met' if met else 'MISSED'}"
        self.rows.append((bar_id, what, f"{value:.4g} {unit}", verdict))

    def add_ratio(self, what, value, rival, bar=None):
        self.add("", f"    over {what}", value / rival, "x", bar)

    def told(self):
        """The rows as texts, for a file."""
        return [" | ".join(row).strip() for row in self.rows]

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(3)]
        for bar_id, what, value, verdict in self.rows:
            print(f"{bar_id:<{widths[0]}}  {what:<{widths[1]}}  {value:>{widths[2]}}  {verdict}")


