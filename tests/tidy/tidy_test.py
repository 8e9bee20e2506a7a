"""Checks the house rules on this source tree, and that each rule finds what it forbids."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402

ROOT = os.environ.get("INSIGHTFLOW_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))


def registered_tests():
    """What ctest would run in the build that this test belongs to."""
    build = os.environ.get("INSIGHTFLOW_BINARY_DIR")
    if not build:
        raise AssertionError("run by ctest, which says where the build is: ctest -R tidy")
    shown = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                           capture_output=True, text=True).stdout
    return json.loads(shown)["tests"]


class HouseRules(unittest.TestCase):
    """The tree that this test stands in keeps every rule."""

    @classmethod
    def setUpClass(cls):
        cls.tree = rules.Tree(ROOT)
        for line in rules.long_files(cls.tree):
            print(f"long, but allowed: {line}")

    def test_every_rule(self):
        self.assertGreater(len(self.tree.files), 50, "the source tree was not found")
        for rule in rules.RULES:
            with self.subTest(rule=rule.__name__):
                found = rule(self.tree)
                self.assertEqual([], found, "\n" + "\n".join(found))

    def test_every_test_file_is_registered(self):
        text = " ".join(test["name"] + " " + " ".join(test.get("command", []))
                        for test in registered_tests())
        for path in self.tree.files:
            match = re.fullmatch(r"tests/(unit|property|crash)/(\w+)/(\w+_test)\.cc", path)
            name = "{}_{}_{}".format(*match.groups()) if match else None
            if re.fullmatch(r"tests/(e2e|tidy|consumer|differential)/\w+_test\.py", path):
                name = path
            fuzz = re.fullmatch(r"tests/fuzz/(\w+)_fuzz\.cc", path)
            name = f"fuzz/{fuzz.group(1)}" if fuzz else name
            if name:
                self.assertIn(name, text, f"{path} is not registered with ctest")

    def test_commands_in_the_docs_find_tests(self):
        names = [test["name"] for test in registered_tests()]
        for path, text in self.tree.files.items():
            if not path.endswith(".md"):
                continue
            for pattern in re.findall(r"`ctest (?:[^`]* )?-R ('[^']+'|[^` ]+)", text):
                for part in pattern.strip("'").replace("\\|", "|").split("|"):
                    self.assertTrue(any(re.search(part, name) for name in names),
                                    f"{path}: no test is named like {part}")


GOOD_HEADER = "// What it is.\n#pragma once\n"

# (rule, path, text, a part of the finding). Each is a minimal tree that breaks exactly one rule.
PLANTED = [
    (rules.floors, "lib/base/a.h", GOOD_HEADER + '#include "lib/model/batch.h"\n', "points up"),
    (rules.floors, "lib/live/a.cc", '#include "lib/log/codec.h"\n', "sideways"),
    (rules.floors, "lib/model/a.cc", '#include "insightflow/engine.h"\n', "points up"),
    (rules.floors, "lib/live/a.cc", "#include <rocksdb/db.h>\n", "not in the list"),
    (rules.floors, "lib/attic/a.cc", '#include "lib/attic/b.h"\n', "outside the rooms"),
    (rules.floors, "server/app/a.cc", '#include "lib/log/codec.h"\n', "reaches inside"),
    (rules.floors, "server/app/a.cc", "#include <absl/time/time.h>\n", "not in the list"),
    (rules.public_headers, "include/insightflow/event.h",
     GOOD_HEADER + "#include <absl/time/time.h>\n", "a public header includes"),
    (rules.public_headers, "include/insightflow/event.h",
     GOOD_HEADER + '#include "insightflow/engine.h"\n', "points up"),
    (rules.public_headers, "include/insightflow/event.h",
     GOOD_HEADER + "absl::Time When();\n", "third party"),
    (rules.public_headers, "include/insightflow/odd.h", GOOD_HEADER, "no floor"),
    (rules.public_headers, "include/insightflow/event.h", GOOD_HEADER + "\n" * 2000, "at most"),
    (rules.header_form, "lib/base/a.h", "#pragma once\n", "what it is"),
    (rules.header_form, "lib/base/a.h", "// What it is.\n", "#pragma once"),
    (rules.line_width, "lib/base/a.cc", "// " + "x" * 98 + "\n", "100 columns"),
    (rules.file_length, "lib/base/a.cc", "\n" * 701, "700 lines"),
    (rules.function_length, "lib/base/a.cc",
     "int F(int a) {\n" + "  a += 1;\n" * 69 + "}\n", "function of 71"),
    (rules.function_length, "lib/base/a.cc",
     "namespace n {\nstruct S {\n S(int a) : a_{a},\n b_(a) {\n" + "  ++b_;\n" * 70 + "}\n};\n}\n",
     "function of 73"),
    (rules.function_length, "tests/e2e/a_test.py",
     "def f():\n" + "  x = 1\n" * 70, "function of 71"),
    (rules.purity, "lib/analytics/a.cc", "#include <random>\n", "lib/analytics"),
    (rules.purity, "lib/analytics/a.cc", "auto t = clock.Now();\n", "lib/analytics"),
    (rules.purity, "lib/log/a.cc", 'void F() { std::cout << "x"; }\n', "never prints"),
    (rules.purity, "lib/log/a.cc", "auto t = clock->Now();\n", "only the engine"),
    (rules.purity, "server/app/a.cc", "std::regex r;\n", "std::regex"),
    (rules.text_rules, "docs/a.md", "TO" + "DO: write\n", "unfinished"),
    (rules.text_rules, "docs/a.md", "see /ho" + "me/me/notes\n", "one machine"),
    (rules.text_rules, "scripts/a.sh", "cat ../sha" + "red/data/x\n", "shared data"),
    (rules.text_rules, "lib/base/a.cc", "// --------------\n", "banner"),
    (rules.test_places, "tests/unit/a_test.cc", "", "does not look"),
    (rules.test_places, "tests/fuzz/new_fuzz.cc", "", "targets.cmake"),
    (rules.test_places, "tests/unit/base/a_test.cc", "GTEST" + "_SKIP();\n", "skipped"),
    (rules.versions, "CMakeLists.txt", "project(insightflow VERSION 1.2.3\n", "says version"),
]

# What must not be taken for a fault.
INNOCENT = [
    (rules.floors, "lib/decode/a.cc", '#include "lib/validate/rules.h"\n#include <simdjson.h>\n'),
    (rules.floors, "lib/log/a.cc", '#include "lib/decode/decoder.h"\n#include "lib/log/b.h"\n'),
    (rules.floors, "lib/log/a.cc", '// #include "lib/engine/engine.h"\n'),
    (rules.floors, "server/app/a.cc", '#include "server/http/http.h"\n#include <unistd.h>\n'),
    (rules.purity, "lib/log/a.cc", 'std::snprintf(b, 9, "std::cout");  // printf( is elsewhere\n'),
    (rules.function_length, "lib/base/a.cc",
     "constexpr int kTable[] = {\n" + "  F(1),\n" * 99 + "};\n"),
    (rules.function_length, "lib/base/a.cc",
     "namespace n {\n" + "inline int F(int a = 3) { return a; }\n" * 99 + "}\n"),
    (rules.function_length, "lib/base/a.cc",
     "int F() {\n  return '\"' + \"}{\"[0];\n}\n" + "// {\nint g = 1'000;\n" * 40),
]


class SelfTest(unittest.TestCase):
    """The rules find planted faults and nothing else."""

    def findings(self, rule, path, text):
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
            return rule(rules.Tree(root))

    def test_planted_faults_are_found(self):
        for rule, path, text, part in PLANTED:
            with self.subTest(rule=rule.__name__, part=part):
                found = self.findings(rule, path, text)
                self.assertTrue(any(part in line for line in found), found)

    def test_innocent_code_passes(self):
        for rule, path, text in INNOCENT:
            with self.subTest(rule=rule.__name__, text=text[:60]):
                self.assertEqual([], self.findings(rule, path, text))

    def test_each_rule_has_a_planted_fault(self):
        self.assertEqual(set(rules.RULES), {rule for rule, _, _, _ in PLANTED})


if __name__ == "__main__":
    unittest.main()
