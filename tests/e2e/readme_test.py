"""Runs what the README shows: each shell block against a real server, in order, and each JSON block
after one is what must come back. The C++ block is compiled by the consumer test."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import PROGRAM, SOURCE

SHOWN_URL = "http://127.0.0.1:8080"
SHOWN_PROGRAM = "build/release/server/insightflow"
ANYTHING = "…"


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def blocks(text):
    """(language, content) of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S)


def difference(expected, actual, at="answer"):
    """Where `actual` lacks something of `expected`; None when it has all. It may have more."""
    if expected == ANYTHING:
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            found = difference(value, actual.get(key), f"{at}.{key}")
            if found:
                return found
        return None
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (left, right) in enumerate(zip(expected, actual)):
            found = difference(left, right, f"{at}[{number}]")
            if found:
                return found
        return None
    return None if expected == actual else f"{at} is {actual!r}, the README says {expected!r}"


class Readme(unittest.TestCase):
    def test_every_shell_block(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(harness.shared_data("access.log"), folder)
            with harness.Server(os.path.join(folder, "data")) as server:
                self.run_blocks(folder, f"http://127.0.0.1:{server.port}")

    def run_blocks(self, folder, url):
        said, ran = "", 0
        for language, content in blocks(read("README.md")):
            if language == "sh" and content.startswith("scripts/"):
                self.assertTrue(os.access(os.path.join(SOURCE, content.split()[0]), os.X_OK))
            elif language == "sh" and not content.startswith("cmake --install"):
                command = content.replace(SHOWN_URL, url).replace(SHOWN_PROGRAM, PROGRAM)
                done = subprocess.run(["bash", "-euc", command], cwd=folder, capture_output=True,
                                      text=True, timeout=120, check=False)
                self.assertEqual(0, done.returncode, f"{content}\n{done.stdout}{done.stderr}")
                said, ran = done.stdout, ran + 1
            elif language == "json":
                self.assertIsNone(difference(json.loads(content), json.loads(said)), said)
        self.assertGreaterEqual(ran, 7)

    def test_chinese_readme_mirrors_it(self):
        english, chinese = read("README.md"), read("README.zh-CN.md")
        self.assertEqual(blocks(english), blocks(chinese))
        headings = r"^(#+) "
        strip = lambda text: re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)  # noqa: E731
        self.assertEqual(re.findall(headings, strip(english), re.M),
                         re.findall(headings, strip(chinese), re.M))

    def test_operations_lists_every_setting_of_serve(self):
        said = subprocess.run([PROGRAM, "serve", "--help"], capture_output=True, text=True,
                              check=True).stdout
        settings = set(re.findall(r"--[a-z][a-z-]+", said)) - {"--help"}
        table = read("docs/operations.md").split("| `serve` |")[1].split("\n\n")[0]
        self.assertEqual(settings, set(re.findall(r"`(--[a-z-]+)`", table)))

    def test_http_lists_every_call(self):
        listed = re.findall(r"^\| `([A-Z]+) (/[^`]+)` \|", read("docs/http.md"), re.M)
        served = set()
        for name in os.listdir(os.path.join(SOURCE, "server/app")):
            if name.endswith(".cc") and name != "page.cc":
                served.update(re.findall(r'"(/(?:api|bff|health|metrics)(?:[\w/:-]*\w)?)"',
                                         read(f"server/app/{name}")))
        served = {re.sub(r":(\w+)", r"{\1}", path) for path in served if "/v1/" not in path}
        self.assertEqual(served, {path for _, path in listed})
        with tempfile.TemporaryDirectory() as folder:
            with harness.Server(os.path.join(folder, "data")) as server:
                methods = {path: {method for method, other in listed if other == path}
                           for path in served}
                for path, expected in methods.items():
                    answer = server.request("OPTIONS", path.replace("{id}", "x"))
                    allowed = set(answer.headers["Allow"].split(", ")) - {"OPTIONS", "HEAD"}
                    self.assertEqual(allowed, expected, path)

    def test_links_lead_somewhere(self):
        pages = ["README.md", "README.zh-CN.md", "CHANGELOG.md"]
        pages += [f"docs/{name}" for name in os.listdir(os.path.join(SOURCE, "docs"))
                  if name.endswith(".md")]
        for page in pages:
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
                path = os.path.join(SOURCE, os.path.dirname(page), target)
                self.assertTrue(os.path.exists(path), f"{page} links to {target}")


if __name__ == "__main__":
    unittest.main()
