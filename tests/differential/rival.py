"""ClickHouse (chDB 26.9, in process) for the tests of this folder: it runs in a Python of its own,
into which scripts/test.sh installs it, and needs no network."""

import json
import os
import subprocess
import sys


def ask_clickhouse(questions):
    """An answer for each question, as a list of rows of texts."""
    asked = subprocess.run([os.environ["INSIGHTFLOW_CHDB_PYTHON"], os.path.abspath(__file__)],
                           check=True, input=json.dumps(questions), text=True, capture_output=True)
    return [[line.split("\t") for line in answer.splitlines()]
            for answer in json.loads(asked.stdout)]


def main():
    """Answers the questions on standard input."""
    import chdb  # pylint: disable=import-outside-toplevel
    json.dump([str(chdb.query(text, "TabSeparated")) for text in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
