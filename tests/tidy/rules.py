"""The house rules, each a function from a source tree to findings "path:line: what is wrong"."""

import ast
import os
import re

CODE = (".h", ".cc")
TEXT = CODE + (".py", ".sh", ".cmake", ".txt", ".md", ".yml", ".yaml", ".json", ".ts", ".tsx",
               ".js", ".html", ".css", ".sql", ".toml", ".in", ".supp")
WIDE = CODE + (".py", ".sh", ".cmake")  # the kinds of file that keep to 100 columns

IGNORED_FOLDERS = {".git", "build", "data", "run", "node_modules", "__pycache__", ".cache", "dist"}

FUNCTION_LINES_MAX = 70
FILE_LINES_GOAL = 500
FILE_LINES_MAX = 700
HEADER_FILES_MAX = 18
HEADER_LINES_MAX = 2000

# An include may only point to a lower floor, or stay in its own folder.
FLOORS = {
    "lib/base": 1, "lib/model": 2, "lib/decode": 3, "lib/validate": 3, "lib/analytics": 3,
    "lib/store": 3, "lib/log": 4, "lib/segments": 4, "lib/live": 4, "lib/engine": 5,
    "lib/capi": 6, "lib/wire": 6,
}
# Public headers stand on the floor whose words they are made of.
PUBLIC_FLOORS = {
    "export": 1, "status": 1, "time": 1, "version": 1, "ingest": 1, "event": 2, "options": 2,
    "live": 2, "store": 2, "query": 2, "result": 2, "timeline": 2, "analytics": 3, "engine": 5,
    "importer": 5, "exporter": 5, "c": 6, "wire": 6,
}
# The one arrow between rooms of a floor: decoders apply the rules while the text is in the cache.
SIDE_ARROWS = {("lib/decode", "lib/validate")}

SYSTEM = r"sys/|unistd\.h|fcntl\.h|signal\.h|netdb\.h|netinet/|arpa/|poll\.h|pthread\.h|malloc\.h"
VENDORS = {
    "lib/base": r"xxhash\.h|sodium\.h|absl/",
    "lib/model": r"absl/|emmintrin\.h",
    "lib/decode": r"simdjson\.h|absl/|immintrin\.h",
    "lib/validate": r"absl/|immintrin\.h|arpa/inet\.h|netinet/in\.h",
    "lib/analytics": r"absl/|immintrin\.h",
    "lib/store": r"rocksdb/|xxhash\.h|" + SYSTEM,
    "lib/log": r"rocksdb/|lz4\.h|xxhash\.h|absl/|immintrin\.h|" + SYSTEM,
    "lib/segments": r"rocksdb/|lz4\.h|zstd\.h|xxhash\.h|absl/|immintrin\.h",
    "lib/live": r"absl/",
    "lib/engine": r"absl/|" + SYSTEM,
    "lib/capi": r"absl/",
    "lib/wire": r"absl/|simdjson\.h",
    "server": r"CLI/|spdlog/|rapidjson/|zlib\.h|" + SYSTEM,
}

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(work|home|Users|root|tmp)/")
SHARED = re.compile(r"\.\./shared\b")
SKIPPED_TEST = re.compile(r"GTEST_SKIP|\bDISABLED_\w|unittest\.skip|\.skipTest\(|SkipTest\b"
                          r"|SKIP_RETURN_CODE|SKIP_REGULAR_EXPRESSION|\b(it|test|describe)\.skip\b")
BANNER = re.compile(r"^\s*(//|#)\s*[-=*/#~]{6,}")
PRINTS = re.compile(r"std::(cout|cerr|clog)\b|(?<![\w:])(std::)?(printf|fprintf|puts|putchar)\s*\(")
IMPURE = re.compile(r"<(thread|mutex|fstream|random|filesystem|iostream|cstdio|future|atomic)>"
                    r"|\bClock\b|\bNow\(|\b(system|steady|high_resolution)_clock\b|std::thread\b"
                    r"|\bs?rand\(|\bgetenv\(|\bfopen\(|mt19937")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Tree:
    """The project's text files below `root`, read once."""

    def __init__(self, root):
        self.root = root
        self.files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders
                                if f not in IGNORED_FOLDERS and not f.startswith("build-"))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith(TEXT) and "/corpus/" not in path and "/golden/" not in path:
                    with open(os.path.join(root, path), encoding="utf-8") as file:
                        self.files[path] = file.read()

    def code(self, *folders):
        return {p: t for p, t in self.files.items() if p.endswith(CODE) and p.startswith(folders)}


def search(files, pattern, what, clean=None):
    """One finding for each line of `files` that matches."""
    found = []
    for path, text in files.items():
        lines = (clean(text) if clean else text).split("\n")
        found += [f"{path}:{n}: {what}" for n, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


TOKENS = re.compile(r'R"(?P<tag>[^()\\ ]{0,16})\(.*?\)(?P=tag)"|//[^\n]*|/\*.*?\*/'
                    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def strip_code(text):
    """C++ without comments and literals; lines and columns stay where they are."""
    return TOKENS.sub(blank, text)


def strip_comments(text):
    return TOKENS.sub(lambda m: blank(m) if m.group().startswith("/") else m.group(), text)


def room_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "lib" else parts[0]


def includes_of(text):
    for number, line in enumerate(strip_comments(text).split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def is_std(header):
    return re.fullmatch(r"[a-z_0-9]+", header) is not None


def arrow_error(path, header):
    """Why `path` may not include `header`; None when it may."""
    room = room_of(path)
    public = re.fullmatch(r"insightflow/(\w+)\.h", header)
    if public and public.group(1) not in PUBLIC_FLOORS:
        return f"{header} has no floor in tests/tidy/rules.py"
    if room in FLOORS:
        if public:
            upward = PUBLIC_FLOORS[public.group(1)] > FLOORS[room]
            return f"points up to {header}" if upward else None
        if header.startswith("lib/"):
            target = room_of(header)
            if target not in FLOORS:
                return f"{header} has no floor in tests/tidy/rules.py"
            down = FLOORS[target] < FLOORS[room]
            ok = target == room or down or (room, target) in SIDE_ARROWS
            return None if ok else f"points up or sideways to {header}"
    elif path.startswith("lib/"):
        return "stands outside the rooms of lib/"
    if room in ("server", "examples", "bindings", "demo") and header.startswith("lib/"):
        return f"reaches inside the library: {header}"
    if room in ("server", "examples") or room in FLOORS:
        own = is_std(header) or public or header.startswith(room + "/")
        if not own and not (room in VENDORS and re.match(VENDORS[room], header)):
            return f"includes {header}, which is not in the list of {room}"
    return None


def floors(tree):
    found = []
    for path, text in tree.code("lib/", "server/", "examples/", "bindings/", "demo/").items():
        for number, header in includes_of(text):
            error = arrow_error(path, header)
            if error:
                found.append(f"{path}:{number}: {error}")
    return found


def public_headers(tree):
    """Only standard and own headers, no vendor's name in the text, and a budget for the whole."""
    found = []
    headers = tree.code("include/")
    for path, text in headers.items():
        name = os.path.basename(path)[:-2]
        for number, header in includes_of(text):
            own = re.fullmatch(r"insightflow/(\w+)\.h", header)
            if not own and not is_std(header):
                found.append(f"{path}:{number}: a public header includes {header}")
            elif own and PUBLIC_FLOORS.get(own.group(1), 99) > PUBLIC_FLOORS.get(name, 0):
                found.append(f"{path}:{number}: points up to {header}")
        if name not in PUBLIC_FLOORS:
            found.append(f"{path}:1: has no floor in tests/tidy/rules.py")
    found += search(headers, re.compile(r"\b(absl|rocksdb|simdjson|rapidjson|spdlog|httplib)::"),
                    "a third party's type in a public header", strip_code)
    lines = sum(text.count("\n") for text in headers.values())
    if len(headers) > HEADER_FILES_MAX or lines > HEADER_LINES_MAX:
        found.append(f"include:1: {len(headers)} headers of {lines} lines, at most "
                     f"{HEADER_FILES_MAX} of {HEADER_LINES_MAX}")
    return found


def header_form(tree):
    found = []
    for path, text in tree.files.items():
        if not path.endswith(".h") or path.startswith("sdk/"):
            continue
        if not text.startswith("//"):
            found.append(f"{path}:1: begins without saying what it is")
        if "#pragma once" not in text.split("\n"):
            found.append(f"{path}:1: lacks #pragma once")
    return found


def line_width(tree):
    wide = {p: t for p, t in tree.files.items()
            if p.endswith(WIDE) or p.endswith("CMakeLists.txt") or p == ".ci/run"}
    return search(wide, re.compile(r"^.{101}"), "longer than 100 columns")


def file_length(tree):
    return [f"{path}:{text.count(chr(10))}: longer than {FILE_LINES_MAX} lines"
            for path, text in tree.files.items()
            if path.endswith(CODE + (".py", ".sh", ".ts")) and
            text.count("\n") > FILE_LINES_MAX]


def long_files(tree):
    """Not an error: files that would be clearer as two."""
    return [f"{path}: {text.count(chr(10))} lines" for path, text in tree.files.items()
            if path.endswith(CODE) and text.count("\n") > FILE_LINES_GOAL]


def opens_function(head):
    """Whether a brace after `head`, outside of any function, begins a function's body."""
    head = re.sub(r"operator\s*(\(\)|\[\]|[^\s\w(]+)", "operator", head)
    while True:
        shorter = re.sub(r"\([^()]*\)", "<>", head)
        if shorter == head:
            break
        head = shorter
    if "<>" not in head or "=" in re.sub(r"template\s*<[^{]*?>\s*(?=\w)", "", head):
        return False
    return not re.match(r"\s*(namespace|enum|extern)\b", head)


def functions(text):
    """(first line, last line) of each function body at namespace or class level."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, strip_code(text), flags=re.M)
    start, depth, inside, head_at, spans, first = 0, 0, None, 0, [], 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group()
        if inside is None:
            head = code[start:at]
            head_at = start + len(head) - len(head.lstrip())
            if mark == "{" and opens_function(head):
                inside = depth
                # A constructor's further initialisers belong to what began before them.
                first = first if re.match(r"\s*,", head) else code.count("\n", 0, head_at) + 1
        depth += {"{": 1, "}": -1, ";": 0}[mark]
        if inside is not None and depth == inside:
            spans.append((first, code.count("\n", 0, at) + 1))
            inside = None
        start = at + 1
    return spans


def python_functions(text):
    return [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def function_length(tree):
    found = []
    for path, text in tree.files.items():
        spans = functions(text) if path.endswith(CODE) else []
        if path.endswith(".py"):
            spans = python_functions(text)
        found += [f"{path}:{first}: a function of {last - first + 1} lines, at most "
                  f"{FUNCTION_LINES_MAX}"
                  for first, last in spans if last - first + 1 > FUNCTION_LINES_MAX]
    return found


def purity(tree):
    """Analyses are pure; the library is silent; only the engine asks for the time."""
    library = tree.code("lib/", "include/")
    inner = {p: t for p, t in library.items()
             if p.startswith("lib/") and not p.startswith(("lib/engine/", "lib/base/clock"))}
    return (search(tree.code("lib/analytics/"), IMPURE,
                   "a clock, I/O, a thread or chance in lib/analytics", strip_code) +
            search(library, PRINTS, "the library never prints", strip_code) +
            search(inner, re.compile(r"(\.|->)Now\(\)|system_clock::now"),
                   "only the engine asks for the time", strip_code) +
            search(tree.code("lib/", "server/"), re.compile(r"std::w?regex|<regex>"),
                   "std::regex can be made to run for ever", strip_code))


def text_rules(tree):
    """Nothing unfinished, nothing of one machine, no banners."""
    here = {p: t for p, t in tree.files.items() if not p.startswith("tests/tidy/")}
    outside = {p: t for p, t in here.items() if not p.startswith("tests/")}
    return (search(here, UNFINISHED, "unfinished work") +
            search(here, MACHINE_PATH, "a path of one machine") +
            search(outside, SHARED, "only tests read the shared data") +
            search(here, BANNER, "a banner comment"))


TEST_PLACES = re.compile(
    r"tests/(unit|property|crash)/[a-z_]+/\w+_test\.cc|tests/e2e/\w+_test\.py"
    r"|tests/(tidy|consumer)/(tidy|consumer)_test\.py|tests/fuzz/\w+_fuzz\.cc"
    r"|tests/differential/\w+_test\.py"
    r"|(sdk|demo|bindings|benchmarks)/.*")


def test_places(tree):
    """A test that stands where the build does not look never runs; a skipped one proves nothing."""
    tests = {p: t for p, t in tree.files.items() if re.search(r"_(test|fuzz)\.(cc|py)$", p)}
    found = [f"{p}:1: the build does not look for tests here" for p in tests
             if not TEST_PLACES.fullmatch(p)]
    targets = tree.files.get("tests/fuzz/targets.cmake", "")
    for path in tests:
        name = re.fullmatch(r"tests/fuzz/(\w+)_fuzz\.cc", path)
        if name and f"insightflow_fuzz({name.group(1)} " not in targets:
            found.append(f"{path}:1: not in tests/fuzz/targets.cmake")
    here = {p: t for p, t in tree.files.items() if not p.startswith("tests/tidy/")}
    return found + search(here, SKIPPED_TEST, "a skipped test")


def versions(tree):
    """The version is written in three places, which must agree."""
    patterns = {"CMakeLists.txt": r"project\(insightflow VERSION ([\d.]+)",
                "include/insightflow/version.h": r'INSIGHTFLOW_VERSION "([\d.]+)"',
                "CHANGELOG.md": r"(?m)^## ([\d.]+)"}
    seen = {}
    for path, pattern in patterns.items():
        match = re.search(pattern, tree.files.get(path, ""))
        seen[path] = match.group(1) if match else "nothing"
    if len(set(seen.values())) == 1:
        return []
    return [f"{path}:1: says version {version}" for path, version in seen.items()]


RULES = (floors, public_headers, header_form, line_width, file_length, function_length, purity,
         text_rules, test_places, versions)
