"""A disk that fails or is full: an error means "unknown", never a false success (G1, G4)."""

import collections
import os
import re
import subprocess
import threading
import unittest

from harness import ServerTest, await_condition, event, strace


def on_a_small_disk(size="40m"):
    """A small disk of its own: the program sees a file system that nobody else does."""
    # Within a chroot there are no new user namespaces; whoever is root there needs none.
    ways = [["-rm"], ["-m", "--propagation", "unchanged"]]
    allowed = [way for way in ways
               if subprocess.run(["unshare", *way, "true"], capture_output=True,
                                 check=False).returncode == 0]
    return ["unshare", *(allowed or ways)[0], "sh", "-c",
            f'mount -t tmpfs -o size={size} none "$0" && exec "$@"']


class Sync(ServerTest):
    def test_answers_after_the_disk(self):
        trace = self.path("trace")
        calls = "fdatasync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
        options = strace("-s", "64", "-e", f"trace={calls}", output=trace)
        with self.serve(wrapper=options) as server:
            for i in range(3):
                self.assertEqual(server.collect([event(i)]).status, 200)
            self.assertEqual(server.stop(), 0, server.log())
        synced = True
        answers = 0
        with open(trace, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if "POST /api/events" in line:
                    synced = False
                elif re.search(r"fdatasync(\(| resumed).*= 0", line):
                    synced = True
                elif "HTTP/1.1 200" in line:
                    self.assertTrue(synced, "answered before the disk had it: " + line)
                    answers += 1
        self.assertEqual(answers, 3)

    def test_a_failed_sync_stops_the_server(self):
        # strace counts the calls of each thread; opening the store must come through.
        counted = self.path("count")
        with self.serve(wrapper=strace("-e", "trace=fdatasync", output=counted)) as server:
            server.kill()
        with open(counted, encoding="utf-8") as lines:
            syncs = collections.Counter(line.split()[0] for line in lines if "fdatasync(" in line)
        first = max(syncs.values(), default=0) + 1
        self.data = self.path("second")
        inject = strace("-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={first}+")
        with self.serve(wrapper=inject) as server:
            for number in range(first):
                failed = server.collect([event(2 * number), event(2 * number + 1)])
                if failed.status != 200:
                    break
            self.assertEqual(failed.status, 503, failed.body)
            self.assertEqual(failed.json()["error"]["code"], "unavailable")
            self.assertTrue(failed.headers["Retry-After"])
            self.assertEqual(server.wait(), 1, server.log())
            self.assertRegex(server.lines[-1], r"^insightflow: \S")
        with self.serve() as server:
            for again in range(number + 1):
                answer = server.collect([event(2 * again), event(2 * again + 1)])
                self.assertEqual(answer.status, 200)
                if again < number:
                    self.assertEqual(answer.json()["duplicates"], 2)
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 2 * number + 2)
            self.assertEqual(server.stop(), 0)
        self.assertEqual(self.stored_events(), 2 * number + 2)


class FullDisk(ServerTest):
    def setUp(self):
        super().setUp()
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        self.data = os.path.join(self.disk, "data")

    def seen_by(self, server, name):
        return f"/proc/{server.pid()}/root{self.disk}/{name}"

    def fill(self, server, leave):
        free = os.statvfs(self.seen_by(server, "."))
        with open(self.seen_by(server, "filler"), "wb") as filler:
            filler.write(b"x" * max(0, free.f_bavail * free.f_frsize - leave))

    def test_refuses_while_full_and_goes_on(self):
        options = ["--disk-free-min", "4MiB"]
        with self.serve(*options, wrapper=[*on_a_small_disk(), self.disk]) as server:
            self.assertEqual(server.collect([event(1)]).status, 200)
            self.fill(server, leave=1 << 20)

            def refused():
                answer = server.collect([event(2)])
                if answer.status == 200:
                    return False
                self.assertEqual(answer.status, 503, answer.body)
                self.assertEqual(answer.json()["error"]["code"], "resource_exhausted")
                self.assertTrue(answer.headers["Retry-After"])
                return True

            await_condition(refused, "a refusal")
            self.assertEqual(server.ask("/health")["status"], "degraded")
            self.assertEqual(server.get("/health/ready").status, 503)
            self.assertEqual(server.ask("/api/stats/events")["events_by_type"].keys(), {"view"})
            os.remove(self.seen_by(server, "filler"))
            await_condition(lambda: server.collect([event(3)]).status == 200, "space")
            self.assertEqual(server.collect([event(2)]).status, 200)
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 3)
            self.assertEqual(server.stop(), 0, server.log())

    def test_waits_a_moment_for_space(self):
        def send():
            for first in range(0, 4000, 200):
                batch = [event(first + i, page_title="t" * 200) for i in range(200)]
                statuses.append(server.collect(batch).status)

        statuses = []
        options = ["--disk-free-min", "0"]
        with self.serve(*options, wrapper=[*on_a_small_disk(), self.disk]) as server:
            self.fill(server, leave=0)
            sender = threading.Thread(target=send)
            sender.start()
            idle = b"\ninsightflow_in_flight_bytes 0\n"
            await_condition(lambda: idle not in server.get("/metrics").body or
                            not sender.is_alive(), "a batch that waits")
            os.remove(self.seen_by(server, "filler"))
            sender.join()
            self.assertEqual(statuses, [200] * 20, server.log())
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 4000)
            self.assertEqual(server.stop(), 0, server.log())

    def test_says_so_when_there_is_no_room_to_start(self):
        server = self.serve(wrapper=[*on_a_small_disk("8k"), self.disk])
        self.assertFalse(server.await_listening())
        self.assertEqual(server.wait(), 1)
        server.__exit__()
        self.assertRegex(server.lines[-1], r"^insightflow: .*(full|space)")


if __name__ == "__main__":
    unittest.main()
