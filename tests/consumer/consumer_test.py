"""Installs this build into a temporary prefix and uses it as a stranger would: from CMake and from
pkg-config, shared and static, and with the README's own programs."""

import os
import re
import shlex
import subprocess
import tempfile
import unittest

SOURCE = os.environ["INSIGHTFLOW_SOURCE_DIR"]
BINARY = os.environ["INSIGHTFLOW_BINARY_DIR"]
CMAKE = os.environ["CMAKE_COMMAND"]
CXX = os.environ["CXX"]
HERE = os.path.join(SOURCE, "tests", "consumer")


def run(*command, **options):
    """Runs to success, or fails with everything that was said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} gave {done.returncode}:\n{done.stdout}")
    return done.stdout


def fenced(path, language):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.M | re.S)


def environment(prefix):
    """pkg-config and the loader look into `prefix` first."""
    return dict(os.environ, LD_LIBRARY_PATH=os.path.join(prefix, "lib"),
                PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))


class Consumer(unittest.TestCase):
    """One temporary folder for all: the second half of each test runs what the first installed."""

    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temp.cleanup)
        cls.shared = cls.install(BINARY, "shared")
        build = os.path.join(cls.temp.name, "static-build")
        # The flags of preset dev: a compiler cache has the files then, whatever folder they are in,
        # as long as there is no debugging information.
        run(CMAKE, "-S", SOURCE, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={CXX}",
            "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O2", "-DBUILD_SHARED_LIBS=OFF",
            "-DINSIGHTFLOW_SERVER=OFF")
        run(CMAKE, "--build", build, "--parallel", "2")
        cls.static = cls.install(build, "static")

    @classmethod
    def install(cls, build, name):
        prefix = os.path.join(cls.temp.name, name)
        run(CMAKE, "--install", build, "--prefix", prefix)
        return prefix

    def fresh_folder(self):
        return tempfile.mkdtemp(dir=self.temp.name)

    def build_with_cmake(self, prefix, sources):
        build = self.fresh_folder()
        run(CMAKE, "-S", HERE, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCMAKE_CXX_COMPILER={CXX}", f"-DSOURCES={';'.join(sources)}")
        run(CMAKE, "--build", build)
        return build

    def build_with_pkg_config(self, prefix, source, *pkg_config_options):
        program = os.path.join(self.fresh_folder(), "program")
        flags = run("pkg-config", *pkg_config_options, "--cflags", "--libs", "insightflow",
                    env=environment(prefix))
        run(CXX, "-std=c++20", source, "-o", program, *shlex.split(flags))
        return program

    def use(self, prefix, program):
        said = run(program, os.path.join(self.fresh_folder(), "store"), env=environment(prefix))
        self.assertEqual("fsync bad_time data_loss\n", said)

    def test_every_public_header_is_used(self):
        with open(os.path.join(HERE, "main.cc"), encoding="utf-8") as file:
            used = set(re.findall(r"#include <(insightflow/\w+\.h)>", file.read()))
        installed = os.listdir(os.path.join(self.shared, "include", "insightflow"))
        self.assertEqual({f"insightflow/{name}" for name in installed}, used)

    def test_cmake_shared(self):
        build = self.build_with_cmake(self.shared, [os.path.join(HERE, "main.cc")])
        self.use(self.shared, os.path.join(build, "main"))

    def test_cmake_static(self):
        build = self.build_with_cmake(self.static, [os.path.join(HERE, "main.cc")])
        self.use(self.static, os.path.join(build, "main"))

    def test_pkg_config_shared(self):
        self.use(self.shared, self.build_with_pkg_config(self.shared, f"{HERE}/main.cc"))

    def test_pkg_config_static(self):
        self.use(self.static,
                 self.build_with_pkg_config(self.static, f"{HERE}/main.cc", "--static"))

    def test_package_refuses_another_minor_version(self):
        file = os.path.join(self.fresh_folder(), "CMakeLists.txt")
        with open(file, "w", encoding="utf-8") as out:
            out.write("cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\n"
                      "find_package(insightflow 0.2 REQUIRED)\n")
        with self.assertRaisesRegex(AssertionError, "compatible with requested"):
            run(CMAKE, "-S", os.path.dirname(file), "-B", self.fresh_folder(), "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={self.shared}")

    def test_installed_program_finds_its_library(self):
        program = os.path.join(self.shared, "bin", "insightflow")
        self.assertRegex(run(program, "--version"), r"insightflow \d+\.\d+\.\d+")

    def test_shared_library_shows_only_the_public_api(self):
        library = os.path.join(self.shared, "lib", "libinsightflow.so")
        names = run("nm", "-DC", "--defined-only", library)
        foreign = [line for line in names.splitlines()
                   if re.search(r" [TD] ", line) and "insightflow::" not in line]
        self.assertIn("insightflow::v1::Engine::Open", names)
        self.assertEqual([], foreign)
        for inner in ("EventLog", "DedupeWindow", "Decoder", "LiveState"):
            self.assertNotIn(f"insightflow::v1::{inner}::", names)

    def test_readme_program(self):
        programs = fenced("README.md", "cpp")
        self.assertEqual(1, len(programs))
        source = os.path.join(self.fresh_folder(), "readme.cc")
        with open(source, "w", encoding="utf-8") as out:
            out.write(programs[0])
        build = self.build_with_cmake(self.shared, [source])
        folder = self.fresh_folder()
        said = run(os.path.join(build, "readme"), cwd=folder, env=environment(self.shared))
        self.assertEqual("/home 1\n", said)
        self.assertEqual("/home 1\n", run(os.path.join(build, "readme"), cwd=folder,
                                          env=environment(self.shared)), "sent again, counts once")


if __name__ == "__main__":
    unittest.main()
