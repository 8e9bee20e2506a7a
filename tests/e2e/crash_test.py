"""kill -9 at any moment: nothing that was acknowledged is lost and nothing counts twice (G2, G3);
SIGTERM under load finishes what it has begun (G10)."""

import collections
import concurrent.futures
import http.client
import json
import os
import random
import threading
import unittest

from harness import ServerTest, await_condition, event, strace

CLIENTS = 3
CHAINS = 2  # stores that are killed again and again, at once
POINTS = 26  # kills of each
USERS = 7


class Sender(threading.Thread):
    """One client: sends batches, some of them again, until the connection breaks."""

    def __init__(self, server, batches, choose):
        super().__init__()
        self.connection = server.connect()
        self.batches = batches  # still to send, in order
        self.choose = choose
        self.acknowledged = []
        self.refused = None

    def run(self):
        try:
            while self.batches:
                # Overlap: a batch that was acknowledged goes along with one that was not.
                again = self.choose.choice(self.acknowledged) if self.acknowledged else []
                both = self.batches[0] + again[:self.choose.randint(0, len(again))]
                self.connection.request("POST", "/api/events", json.dumps({"events": both}),
                                        {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200 or body["accepted"] + body["duplicates"] != len(both):
                    self.refused = (answer.status, body)
                    return
                self.acknowledged.append(self.batches.pop(0))
        except (OSError, http.client.HTTPException, ValueError):
            pass  # killed
        finally:
            self.connection.close()


class Chain:
    """One store through many kills, and what its clients know."""

    def __init__(self, test, data, seed):
        self.test = test
        self.data = data
        self.choose = random.Random(seed)
        self.made = 0
        self.pending = [[] for _ in range(CLIENTS)]
        self.acknowledged = []

    def batches(self, count):
        for _ in range(count):
            size = self.choose.randint(1, 12)
            yield [event(self.made + i) for i in range(size)]
            self.made += size

    def wrapper(self):
        """How this round ends: at the Nth call of a kind, or at some time (None)."""
        call, most = self.choose.choice([("fdatasync", 25), ("fdatasync", 25), ("write", 150),
                                         ("rename", 3), (None, 0)])
        if call is None:
            return ()
        n = self.choose.randint(1, most)
        return strace("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")

    def send(self, server, kill_after):
        """Until the server dies by itself, or by us after `kill_after` batches."""
        senders = [Sender(server, batches, random.Random(self.choose.random()))
                   for batches in self.pending]
        for sender in senders:
            sender.start()
        if kill_after is not None:
            await_condition(lambda: not any(sender.is_alive() for sender in senders) or
                            sum(len(s.acknowledged) for s in senders) >= kill_after, "answers")
            server.kill()
        for sender in senders:
            sender.join()
            self.test.assertIsNone(sender.refused)
            self.acknowledged += sender.acknowledged
        return all(not batches for batches in self.pending)

    def round(self):
        for batches in self.pending:
            batches.extend(self.batches(12))
        wrapper = self.wrapper()
        server = self.test.server(self.data, wrapper=wrapper)
        try:
            if server.await_listening():
                if not wrapper:
                    self.verify(server, exact=False)
                # A call that is not reached in time leaves a plain kill, still under load.
                self.send(server, 30 if wrapper else self.choose.randint(1, 20))
        finally:
            server.__exit__()

    def verify(self, server, exact):
        """Nothing lost: each acknowledged event is in. Nothing twice: no more than were made."""
        users = collections.Counter(e["user_id"] for batch in self.acknowledged for e in batch)
        total = server.ask("/api/stats/events")["total_events"]
        self.test.assertGreaterEqual(total, sum(users.values()))
        self.test.assertLessEqual(total, self.made)
        if not exact:
            return
        self.test.assertEqual(total, self.made)
        for user, count in users.items():
            events = server.ask(f"/api/user/{user}/events?limit=1000")["events"]
            ids = [e["event_id"] for e in events]
            self.test.assertEqual(len(ids), len(set(ids)))
            if len(ids) < 1000:
                self.test.assertEqual(len(ids), count)

    def run(self):
        for _ in range(POINTS):
            self.round()
        server = self.test.server(self.data)
        with server:
            self.test.assertTrue(self.send(server, None))
            self.verify(server, exact=True)
            self.test.assertEqual(server.stop(), 0, server.log())


class Crash(ServerTest):
    def server(self, data, **more):
        self.data = data
        return self.serve("--log-level", "warn", **more)

    def test_kill_at_many_points(self):
        seed = int(os.environ.get("INSIGHTFLOW_SEED", random.randrange(1 << 30)))
        print(f"INSIGHTFLOW_SEED={seed}")
        chains = [Chain(self, os.path.join(self.folder, f"data{i}"), seed + i)
                  for i in range(CHAINS)]
        with concurrent.futures.ThreadPoolExecutor(CHAINS) as pool:
            for done in [pool.submit(chain.run) for chain in chains]:
                done.result()
        for chain in chains:
            self.data = chain.data
            self.assertEqual(self.stored_events(), chain.made)


class Terminate(ServerTest):
    def test_drains_under_load(self):
        choose = random.Random(1)
        batches = [[[event(1_000_000 * client + 10 * i + k) for k in range(10)]
                    for i in range(2000)] for client in range(CLIENTS)]
        with self.serve() as server:
            senders = [Sender(server, batches[i], choose) for i in range(CLIENTS)]
            for sender in senders:
                sender.start()
            await_condition(lambda: all(len(s.acknowledged) > 5 for s in senders), "load")
            self.assertEqual(server.stop(), 0, server.log())
            for sender in senders:
                sender.join()
                self.assertIsNone(sender.refused)
            acknowledged = sum(len(b) for s in senders for b in s.acknowledged)
        under_way = 10 * CLIENTS  # at most one batch of each client was never answered
        self.assertIn(self.stored_events(), range(acknowledged, acknowledged + under_way + 1))
        with self.serve() as server:
            for sender in senders:
                for batch in sender.acknowledged:
                    self.assertEqual(server.collect(batch).json()["accepted"], 0)

    def test_an_idle_server_stops_at_once_and_twice_is_harmless(self):
        with self.serve() as server:
            idle = server.connect()
            idle.connect()
            self.assertEqual(server.stop(), 0)
            idle.close()


if __name__ == "__main__":
    unittest.main()
