"""What the rivals' query programs share: how answers are compared, then timed, then told.

An answer is brought into one form, a list of numbers and texts, whoever gave it: ours from the JSON
of insightflow_bench_queries --answers, a rival's from its rows. Whatever two have in common must be
equal before any time is told; a difference ends the run.
"""

import argparse
import collections
import datetime
import json
import os
import statistics
import sys
import tempfile
import time

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
WINDOW_MS = 7 * DAY_MS
GAP_MS = 1_800_000
STEPS = ("view", "click", "form", "purchase")
TOP = 20
PATH_STEPS = 6  # depth 5: the match and five more

# `form` brings a rival's rows into the common form. What is not timed is there to be compared.
Question = collections.namedtuple("Question", "name sql form timed", defaults=[True])


def moment(text):
    parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(parsed.timestamp() * 1000)


def whole(rows):
    return [int(value) for value in rows[0]]


def cells(rows):
    """Rows of (bucket, type, count), in order, without zeros."""
    return sorted([int(bucket), name, int(count)] for bucket, name, count in rows if int(count))


def cohorts(rows):
    """Rows of (day, k, users); k is -1 for a cohort's size."""
    return sorted([int(day), int(k), int(users)] for day, k, users in rows if int(users))


def ranked(rows):
    """The rows (value, users) with most users."""
    return [[value, int(users)] for value, users in
            sorted(rows, key=lambda row: (-int(row[1]), row[0]))[:TOP]]


def paths(rows):
    """Of rows (depth, page, walks, users): walks of each depth, then its pages with most users."""
    by_depth = collections.defaultdict(list)
    for depth, page, walks, users in rows:
        by_depth[int(depth)].append([-int(users), -int(walks), page])
    return [[depth, -sum(page[1] for page in pages), sorted(pages)[:TOP]]
            for depth, pages in sorted(by_depth.items())]


def our_steps(answer):
    return [step["users"] for step in answer["steps"]]


def our_sessions(answer):
    total_ms = round(answer["duration"]["mean_ms"] * answer["sessions"])
    return [answer["sessions"], answer["users"], answer["bounces"], total_ms]


def our_cells(bucket_ms):
    return lambda answer: cells((moment(point["time"]) // bucket_ms, line["breakdown"],
                                 point["value"])
                                for line in answer["series"] for point in line["points"])


def our_cohorts(answer):
    rows = []
    for cohort in answer["cohorts"]:
        day = moment(cohort["time"]) // DAY_MS
        rows.append((day, -1, cohort["size"]))
        rows += [(day, k, users) for k, users in enumerate(cohort["returned"]) if users]
    return cohorts(rows)


def our_paths(answer):
    depths = collections.defaultdict(lambda: [0, []])
    for node in answer["nodes"]:
        if node["value"] == "__exit__":
            continue
        depths[node["depth"]][0] += node["events"]
        if node["value"] != "__other__":
            depths[node["depth"]][1].append([-node["users"], -node["events"], node["value"]])
    return [[depth, walks, sorted(pages)] for depth, (walks, pages) in sorted(depths.items())]


OURS = {
    "funnel_4": our_steps,
    "funnel_4_clickhouse": our_steps,
    "sessions": our_sessions,
    "count_by_day_and_type": our_cells(DAY_MS),
    "users_by_hour_and_type": our_cells(HOUR_MS),
    "retention_day_14": our_cohorts,
    "paths": our_paths,
    "paths_one_day": our_paths,
    "top_pages_by_users": lambda answer: [[row["value"], row["count"]] for row in answer["rows"]],
}


def read_answers(path):
    """Answers by question, of ours or of a rival, and the days that were asked about."""
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    if "answers" in result:
        return result["answers"]
    return {name: form(json.loads(result["all_days"][name]["answer"]))
            for name, form in OURS.items()}


def agree(name, theirs, ours):
    if name != "paths":
        return theirs == ours
    # Ours also end a session after a day, which SQL without recursion cannot.
    return abs(theirs[0][1] - ours[0][1]) <= 0.01 * ours[0][1]


def compare(rival, name, theirs, others):
    for path, answers in others.items():
        if name not in answers or agree(name, theirs, answers[name]):
            continue
        pairs = list(zip(theirs, answers[name]))
        first = next((pair for pair in pairs if pair[0] != pair[1]), "their lengths")
        sys.exit(f"{name}: {rival} and {os.path.basename(path)} differ in {first}")


def seconds_of(rival, sql):
    begin = time.monotonic()
    rows = rival.ask(sql)
    return time.monotonic() - begin, rows


def measure(rival, question, args):
    """The answer, and times after a run that warms up. What takes long is asked once more only, and
    what takes four times as long not even that."""
    first, rows = seconds_of(rival, question.sql)
    answer = question.form(rows)
    if not question.timed:
        return answer, None
    runs = args.runs if first < args.long_seconds else 1
    seconds = [first]
    if first < 4 * args.long_seconds:
        seconds = [seconds_of(rival, question.sql)[0] for _ in range(runs)]
    return answer, {"median_seconds": statistics.median(seconds), "runs": seconds}


def main(doc, make_rival, questions_of):
    """`make_rival(folder, rows, MiB of memory)` loads; `questions_of(day)` are asked, some of that
    day only."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("rows", help="what insightflow_bench_rows wrote")
    parser.add_argument("--compare", nargs="+", required=True,
                        help="results of insightflow_bench_queries --answers and of other rivals")
    parser.add_argument("--day", type=int, required=True, help="where paths_one_day begins, in ms")
    parser.add_argument("--dir", default=None, help="where the store is made")
    parser.add_argument("--runs", type=int, default=5, help="the median is told")
    parser.add_argument("--long-seconds", type=float, default=5,
                        help="a question that takes longer is timed once")
    parser.add_argument("--memory-mib", type=int, default=12_000, help="past it rivals spill")
    args = parser.parse_args()
    others = {path: read_answers(path) for path in args.compare}
    out, answers = {}, {}
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        rival = make_rival(folder, os.path.abspath(args.rows), args.memory_mib)
        out.update(name=rival.name, version=rival.version, load_seconds=rival.load_seconds)
        for question in questions_of(args.day):
            answers[question.name], timed = measure(rival, question, args)
            compare(rival.name, question.name, answers[question.name], others)
            if timed:
                out[question.name] = timed
        rival.close()
    print(json.dumps({"benchmark": "rival_queries", **out, "answers": answers}))
