"""Stored funnels: kept, refused by name, asked by their id over HTTP and on the command line."""

import json
import os
import re
import shutil
import threading
import unittest

from harness import ISO, SOURCE, ServerTest, event, run
from schema_test import bad_funnels, bad_queries, examples, validator

BEGIN = 1_767_225_600_000  # 2026-01-01
DAY = 86_400_000
WAY = [("view", None), ("click", "product_7"), ("click", "add_cart"), ("purchase", None)]
TWO_STEPS = {"id": "two", "steps": [{"event": "view"}, {"event": "purchase"}], "window": "1d"}


def visits():
    """Ten users; user n goes n % 4 + 1 steps of the default funnel's way, on day n."""
    return [event(10 * user + step, user_id=f"u{user}", event_type=kind,
                  timestamp=BEGIN + user * DAY + step * 60_000,
                  **({"element": element} if element else {}))
            for user in range(10) for step, (kind, element) in enumerate(WAY[:user % 4 + 1])]


class Funnels(ServerTest):
    def send(self, server, method, path, body=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        return server.request(method, path, body, {"Content-Type": "application/json"})

    def refusal(self, answer, status):
        self.assertEqual(answer.status, status, answer.body)
        error = answer.json()["error"]
        self.assertEqual(set(error), {"code", "message", "request_id"})
        return error["message"]

    def ids(self, server):
        listed = server.ask("/api/funnels")
        self.assertEqual(list(listed), ["funnels"])
        return [funnel["id"] for funnel in listed["funnels"]]


class Definitions(Funnels):
    def test_the_default_is_there_also_in_an_old_store(self):
        shutil.copytree(os.path.join(SOURCE, "tests", "golden", "formats", "store-v1"), self.data)
        with self.serve() as server:
            expected = dict(examples(".funnel.json"))["default"]
            self.assertEqual(server.ask("/api/funnels/default"), expected)
            self.assertEqual(server.ask("/api/funnels"), {"funnels": [expected]})

    def test_each_call(self):
        judge = validator("funnel")
        with self.serve() as server:
            made = self.send(server, "POST", "/api/funnels", TWO_STEPS)
            stored = {"id": "two", "name": "two", "active": True,
                      "steps": TWO_STEPS["steps"], "window": "1d"}
            self.assertEqual((made.status, made.json()), (201, stored))
            self.assertEqual(made.headers["Location"], "/api/funnels/two")
            again = self.send(server, "POST", "/api/funnels", TWO_STEPS)
            self.assertIn('"two" already', self.refusal(again, 409))
            self.assertEqual(again.json()["error"]["code"], "already_exists")
            self.assertEqual(server.ask("/api/funnels/two"), stored)

            fuller = dict(examples(".funnel.json"))["signup"]
            self.assertEqual(self.send(server, "PUT", "/api/funnels/signup", fuller).status, 201)
            answer = self.send(server, "PUT", "/api/v1/funnels/signup", fuller)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json()["exclusions"], fuller["exclusions"])
            for funnel in server.ask("/api/funnels")["funnels"]:
                judge.validate(funnel)
                # What is answered may be sent back.
                path = f"/api/funnels/{funnel['id']}"
                answer = self.send(server, "PUT", path, funnel)
                self.assertEqual((answer.status, answer.json()), (200, funnel))
            self.assertEqual(self.ids(server), ["default", "signup", "two"])

            other = self.send(server, "PUT", "/api/funnels/other", TWO_STEPS)
            self.assertIn("id: is not the one", self.refusal(other, 400))
            removed = server.request("DELETE", "/api/funnels/two")
            self.assertEqual((removed.status, removed.body), (204, b""))
            for method in ["GET", "DELETE"]:
                answer = server.request(method, "/api/funnels/two")
                self.assertIn('no funnel "two"', self.refusal(answer, 404))
            self.assertEqual(self.ids(server), ["default", "signup"])
            self.assertEqual(server.request("PATCH", "/api/funnels/two").status, 405)

    def test_the_default_is_replaced_and_comes_back(self):
        with self.serve() as server:
            built_in = server.ask("/api/funnels/default")
            mine = {**TWO_STEPS, "id": "default"}
            self.refusal(self.send(server, "POST", "/api/funnels", mine), 409)
            self.assertEqual(self.send(server, "PUT", "/api/funnels/default", mine).status, 200)
            steps = server.ask("/api/funnel/default/analysis")["steps"]
            self.assertEqual([step["step"] for step in steps], ["view", "purchase"])
            for _ in range(2):
                self.assertEqual(server.request("DELETE", "/api/funnels/default").status, 204)
                self.assertEqual(server.ask("/api/funnels/default"), built_in)

    def test_bad_definitions_are_refused_by_name(self):
        bad = [(why, text) for _, why, text in bad_funnels()]
        for _, why, text in bad_queries():
            if text.startswith('{"kind":"funnel"') and "funnel_id" not in text:
                bad.append((why, '{"id":"a",' + text[1:]))
        self.assertGreater(len(bad), 40)
        with self.serve() as server:
            for why, text in bad:
                answer = self.send(server, "POST", "/api/funnels", text)
                self.assertIn(why, self.refusal(answer, 400), text)
                if not why.startswith("id: "):
                    answer = self.send(server, "PUT", "/api/funnels/a", text)
                    self.assertIn(why, self.refusal(answer, 400), text)
            self.refusal(self.send(server, "POST", "/api/funnels", " " * 65_537), 413)
            self.refusal(self.send(server, "POST", "/api/funnels", b"\xff"), 400)
            optional = {"id": "a", "steps": [{"event": "view", "optional": True}]}
            answer = self.send(server, "POST", "/api/funnels", optional)
            self.assertIn("steps: the first", self.refusal(answer, 400))
            self.assertEqual(self.ids(server), ["default"])

    def test_what_was_answered_survives_a_kill(self):
        with self.serve("--durability", "none") as server:
            self.send(server, "POST", "/api/funnels", {**TWO_STEPS, "id": "gone"})
            self.assertEqual(server.request("DELETE", "/api/funnels/gone").status, 204)
            for window in range(1, 21):
                answer = self.send(server, "PUT", "/api/funnels/two",
                                   {**TWO_STEPS, "window": f"{window}m"})
                self.assertIn(answer.status, [200, 201])
            server.kill()
        self.assertEqual(self.stored_events(), 0)
        with self.serve() as server:
            self.assertEqual(self.ids(server), ["default", "two"])
            self.assertEqual(server.ask("/api/funnels/two")["window"], "20m")

    def test_one_of_many_makes_an_id(self):
        with self.serve() as server:
            statuses = []

            def make():
                statuses.append(self.send(server, "POST", "/api/funnels", TWO_STEPS).status)

            threads = [threading.Thread(target=make) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(statuses), [201] + [409] * 7)


class Analysis(Funnels):
    def test_the_calls_of_the_first_generation(self):
        names = ["view", "click product", "click add_cart", "purchase"]
        with self.serve() as server:
            self.assertEqual(server.collect(visits()).json()["accepted"], 23)
            body = server.ask("/api/funnel/default/analysis")
            self.assertRegex(body.pop("timestamp"), f"^{ISO}$")
            # Those who began in the last seven days and may still go on.
            self.assertEqual(body.pop("pending_users"), 5)
            self.assertEqual(body, {
                "funnel_id": "default", "total_users": 10, "conversion_rate": 20,
                "steps": [{"step": name, "users": users, "conversion_rate": 10 * users}
                          for name, users in zip(names, [10, 7, 4, 2])],
                "incomplete": []})
            for path in ["/bff/user/funnel/analysis", "/bff/user/funnel/analysis?cache=false",
                         "/bff/user/funnel/analysis?funnel_id=default&cache=true"]:
                answer = server.ask(path)
                for member in ["steps", "total_users", "conversion_rate"]:
                    self.assertEqual(answer[member], body[member], path)

            ranged = server.ask(f"/api/v1/funnel/default/analysis?from={BEGIN + 2 * DAY}"
                                "&to=2026-01-05")
            self.assertEqual([step["users"] for step in ranged["steps"]], [2, 2, 2, 1])

    def test_refusals(self):
        with self.serve() as server:
            for path in ["/api/funnel/nix/analysis", "/bff/user/funnel/analysis?funnel_id=nix"]:
                self.assertIn('no funnel "nix"', self.refusal(server.get(path), 404))
            for query, word in [("from=yesterday", "from: "), ("to=x", "to: "),
                                ("from=2&to=1", "from: must be before to"),
                                ("from=2024-01-01&to=2026-01-01", "from: 731 days")]:
                answer = server.get(f"/api/funnel/default/analysis?{query}")
                self.assertIn(word, self.refusal(answer, 400))
            answer = server.get("/bff/user/funnel/analysis?cache=maybe")
            self.assertIn("cache must be", self.refusal(answer, 400))

    def test_an_inactive_one_is_shown_and_answers_nothing(self):
        with self.serve() as server:
            for funnel in ["two", "default"]:
                path = f"/api/funnels/{funnel}"
                off = {**TWO_STEPS, "id": funnel, "active": False}
                self.send(server, "PUT", path, off)
                query = {"kind": "funnel", "funnel_id": funnel}
                for answer in [server.get(f"/api/funnel/{funnel}/analysis"),
                               server.get(f"/bff/user/funnel/analysis?funnel_id={funnel}"),
                               self.send(server, "POST", "/api/query", query)]:
                    self.assertIn(f'"{funnel}" is not active', self.refusal(answer, 404))
                self.assertFalse(server.ask(path)["active"])
                answer = self.send(server, "PUT", path, {**off, "active": True})
                self.assertEqual(answer.status, 200)
                self.assertEqual(server.get(f"/api/funnel/{funnel}/analysis").status, 200)


class Asking(Funnels):
    """An answer by funnel_id is that of the same funnel written out."""

    def definitions(self):
        more = {"event": "click", "filters": [
            {"field": "element", "op": "in", "value": ["add_cart", "buy"]},
            {"field": "extra_data.plan", "op": "not_in", "value": ["free", 1, 2.5, True]}]}
        yield {"steps": [{"event": "view"}, {"event": "purchase"}], "window": "2m"}
        yield {"steps": [{"event": "view"}, {**more, "optional": True}, {"event": "purchase"}]}
        yield {"steps": [{"event": "view"}, {"event": "click"}], "per": "session",
               "timeout": "1m", "max_duration": None, "split": ["session_id"],
               "breakdown": {"field": "event_type", "attribution": "last", "limit": 2}}
        yield {"steps": [{"event": "click"}, {"event": "view"}], "order": "unordered",
               "users_at": {"step": 2, "limit": 3}, "hold_constant": ["session_id"]}
        yield {"steps": [{"event": "view"}, {"event": "purchase"}], "compat": "clickhouse",
               "compat_modes": ["strict_order"], "window": "1h"}
        yield {"steps": [{"event": "*"}], "timezone": "+03:30",
               "filters": [{"field": "user_id", "op": "ne", "value": "u1"}]}

    def answer(self, server, query):
        answer = self.send(server, "POST", "/api/query", query)
        self.assertEqual(answer.status, 200, answer.body)
        return {name: value for name, value in answer.json().items() if name != "meta"}

    def test_over_http(self):
        judge = validator("funnel")
        with self.serve() as server:
            server.collect(visits())
            for number, definition in enumerate(self.definitions()):
                judge.validate(definition)
                path = f"/api/funnels/f{number}"
                self.assertEqual(self.send(server, "PUT", path, definition).status, 201)
                for scope in [{}, {"from": BEGIN, "to": BEGIN + 3 * DAY}]:
                    by_id = {"kind": "funnel", "funnel_id": f"f{number}", **scope}
                    self.assertEqual(self.answer(server, by_id),
                                     self.answer(server, {"kind": "funnel", **definition, **scope}))
            counts = self.answer(server, {"kind": "funnel", "funnel_id": "default"})
            self.assertEqual(counts["total_users"], 10)
            fewer = {"kind": "funnel", "funnel_id": "f5", "users_at": {"limit": 2}, "filters": []}
            answer = self.answer(server, fewer)
            self.assertEqual((answer["total_users"], len(answer["users"])), (10, 2))

    def test_on_the_command_line(self):
        query = {"kind": "funnel", "funnel_id": "two", "from": BEGIN + DAY}
        with self.serve() as server:
            server.collect(visits())
            self.send(server, "POST", "/api/funnels", TWO_STEPS)
            expected = self.answer(server, query)
            server.stop()
        file = self.path("query.json", json.dumps(query).encode())
        done = run("query", file, "--data", self.data)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        answer = json.loads(done.stdout)
        answer.pop("meta")
        self.assertEqual(answer, expected)
        for wrong, code, word in [
                ({"funnel_id": "nix"}, 1, 'funnel_id: there is no funnel "nix"'),
                ({"funnel_id": "two", "ordr": "strict"}, 2, "ordr: is no field here"),
                ({"funnel_id": "two", "order": "any"}, 2, 'order: "any" is not known')]:
            text = json.dumps({"kind": "funnel", **wrong}).encode()
            done = run("query", "-", "--data", self.data, stdin=text)
            self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
            self.assertRegex(done.stderr.decode(), rf"^insightflow: stdin: {re.escape(word)}")


if __name__ == "__main__":
    unittest.main()
