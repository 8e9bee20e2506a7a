"""Our modes of ClickHouse's windowFunnel against windowFunnel itself (chDB 26.9, in process).

Every combination of modes that ClickHouse allows, over random timelines with few types and many
equal times. INSIGHTFLOW_SEED repeats a run that is printed; INSIGHTFLOW_CASES sets how many
timelines it takes.
"""

import itertools
import os
import random
import subprocess
import tempfile
import unittest

from rival import ask_clickhouse

MODES = ("strict_deduplication", "strict_order", "strict_increase", "strict_once", "allow_reentry")
SHAPES = tuple(itertools.product((1, 2, 3, 4, 6), (0, 2, 5, 1000)))  # steps, window
LEVELS = os.environ["INSIGHTFLOW_FUNNEL_LEVELS"]


def mode_sets():
    """As ModeSets() of funnel_levels.cc."""
    sets = []
    for bits in range(32):
        modes = [mode for i, mode in enumerate(MODES) if bits >> i & 1]
        if "allow_reentry" not in modes or "strict_order" in modes:
            sets.append(modes)
    return sets


def question(steps, window, path):
    """The levels of all users in every mode. One thread reads the events in the file's order."""
    columns = ", ".join(f"s{k} UInt8" for k in range(steps))
    conditions = ", ".join(f"s{k}" for k in range(steps))
    levels = ", ".join(
        "windowFunnel({})(t, {})".format(", ".join([str(window)] + [f"'{m}'" for m in modes]),
                                         conditions) for modes in mode_sets())
    return (f"SELECT user, {levels} FROM file('{path}', TSV, 'user UInt64, t UInt64, {columns}') "
            "GROUP BY user ORDER BY user "
            "SETTINGS max_threads = 1, input_format_parallel_parsing = 0")


def events_of(path, user):
    with open(path, encoding="ascii") as file:
        lines = (line.split() for line in file)
        return " ".join("@" + line[1] + "=" + "".join(line[2:]) for line in lines
                        if int(line[0]) == user)


class WindowFunnel(unittest.TestCase):
    """Levels are equal, in every mode."""

    def compare(self, shape, folder, theirs, users):
        steps, window = shape
        with open(os.path.join(folder, "levels.tsv"), encoding="ascii") as file:
            found = [line.split() for line in file]
        self.assertEqual(len(found), users)
        self.assertEqual(len(theirs), users)
        for mine, other in zip(found, theirs):
            if mine == other:
                continue
            user, *pairs = zip(mine, other)
            wrong = [f"{modes}: ours {pair[0]}, ClickHouse {pair[1]}"
                     for modes, pair in zip(mode_sets(), pairs) if pair[0] != pair[1]]
            events = events_of(os.path.join(folder, "events.tsv"), int(user[0]))
            self.fail(f"steps {steps}, window {window}: {events}\n" + "\n".join(wrong))

    def test_every_combination_of_modes(self):
        seed = int(os.environ.get("INSIGHTFLOW_SEED") or random.SystemRandom().getrandbits(32))
        cases = int(os.environ.get("INSIGHTFLOW_CASES") or 120_000)
        print(f"INSIGHTFLOW_SEED={seed} INSIGHTFLOW_CASES={cases}", flush=True)
        users = -(-cases // len(SHAPES))
        with tempfile.TemporaryDirectory() as root:
            folders, questions = [], []
            for number, (steps, window) in enumerate(SHAPES):
                folders.append(os.path.join(root, str(number)))
                os.mkdir(folders[-1])
                events, levels = (os.path.join(folders[-1], name)
                                  for name in ("events.tsv", "levels.tsv"))
                subprocess.run([LEVELS, str(seed + number), str(users), str(steps), str(window),
                                events, levels], check=True, timeout=300)
                questions.append(question(steps, window, events))
            for shape, folder, answer in zip(SHAPES, folders, ask_clickhouse(questions)):
                self.compare(shape, folder, answer, users)


if __name__ == "__main__":
    unittest.main()
