"""Questions over HTTP and on the command line: what is answered, and what is refused by name."""

import json
import os
import re
import socket
import unittest

from harness import PATIENCE, ServerTest, await_condition, event, on_terminal, run
from schema_test import bad_queries, examples, read, validator

DAY = 86_400_000
BEGIN = 1_767_225_600_000  # 2026-01-01


def visits():
    """Ten users, user n with n + 1 views a minute apart."""
    return [event(10 * user + view, user_id=f"u{user}", session_id=f"s{user}", page_url=f"/{view}",
                  timestamp=BEGIN + user * DAY + view * 60_000)
            for user in range(10) for view in range(user + 1)]


class Asking(ServerTest):
    SESSIONS = {"kind": "sessions", "interval": "day", "timezone": "+03:30", "limit": 2}

    def ask(self, server, query):
        body = query if isinstance(query, (bytes, str)) else json.dumps(query)
        return server.request("POST", "/api/query", body, {"Content-Type": "application/json"})

    def test_answers_by_the_schema(self):
        with self.serve() as server:
            self.assertEqual(server.collect(visits()).json()["accepted"], 55)
            for path in ["/api/query", "/api/v1/query"]:
                answer = server.request("POST", path, json.dumps(self.SESSIONS))
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.headers["Content-Type"], "application/json")
                self.assertEqual(answer.headers["Cache-Control"], "no-store")
            body = answer.json()
            validator("answer").validate(body)
            self.assertEqual((body["sessions"], body["users"], body["bounces"]), (10, 10, 1))
            self.assertEqual(body["bounce_rate"], 10)
            self.assertEqual(body["duration"]["median_ms"], 270_000)
            self.assertEqual(body["points"][0]["time"], "2026-01-01T00:00:00.000+03:30")
            self.assertEqual(body["meta"]["as_of_sequence"], 55)

    def test_every_example_is_answered_by_the_schema(self):
        judge = validator("answer")
        with self.serve() as server:
            server.collect(visits())
            for name, query in examples(".query.json"):
                answer = self.ask(server, query)
                self.assertEqual(answer.status, 200, f"{name}: {answer.body}")
                body = answer.json()
                self.assertEqual([e.message for e in judge.iter_errors(body)], [], name)
                self.assertEqual(body["kind"], query["kind"])

    def test_bad_queries_are_refused_by_name(self):
        with self.serve() as server:
            connection = server.connect()
            for _, why, text in bad_queries():
                connection.request("POST", "/api/query", body=text)
                answer = connection.getresponse()
                error = json.loads(answer.read())["error"]
                self.assertEqual((answer.status, error["code"]), (400, "invalid_argument"), text)
                self.assertIn(why, error["message"])
                self.assertEqual(error["request_id"], answer.headers["X-Request-ID"])
            connection.close()

    def test_the_schema_and_the_server_agree_on_every_comparison(self):
        values = ["a", "", "2026-01-01T00:00:00Z", 7, 7.0, 1.5, True, None,
                  ["a", "b"], ["2026-01-01T00:00:00Z", 7], [7, 7.0], [7, 1.5], [True], []]
        ops = ["eq", "ne", "in", "not_in", "contains", "starts_with", "glob", "gt", "gte", "lt",
               "lte", "exists"]
        judge, taken = validator("query"), {}
        with self.serve() as server:
            connection = server.connect()
            for field in ["page_url", "event_id", "timestamp", "position_x", "position_y", "seq",
                          "extra_data.a"]:
                for op in ops:
                    for value in values:
                        query = {"kind": "top",
                                 "filters": [{"field": field, "op": op, "value": value}]}
                        connection.request("POST", "/api/query", body=json.dumps(query))
                        answer = connection.getresponse()
                        body = answer.read()
                        self.assertIn(answer.status, (200, 400), query)
                        self.assertEqual(judge.is_valid(query), answer.status == 200,
                                         f"{query}: {body}")
                        if answer.status == 400:
                            self.assertRegex(json.loads(body)["error"]["message"],
                                             r"^filters\[0\]\.(op|value): ")
                        taken[field] = taken.get(field, 0) + (answer.status == 200)
            connection.close()
        # A text field: 4 of texts, 4 of order, 2 of equality and exists, and 2 lists.
        self.assertEqual(taken["page_url"], 3 * 9 + 2 + 1)
        self.assertEqual(taken["seq"], 2 * 2 + 4 * 3 + 2 + 1)
        self.assertEqual(taken["timestamp"], 2 * 3 + 4 * 4 + 2 * 2 + 1)
        self.assertGreater(taken["extra_data.a"], taken["timestamp"])

    def test_times_in_filters_are_those_of_events(self):
        with self.serve() as server:
            server.collect(visits())
            for value in [BEGIN + 9 * DAY, "2026-01-10T03:30:00+03:30"]:
                query = {"kind": "top", "field": "user_id", "filters": [
                    {"field": "timestamp", "op": "gte", "value": value}]}
                rows = self.ask(server, query).json()["rows"]
                self.assertEqual(rows, [{"value": "u9", "count": 10}], value)

    def test_funnels_that_make_no_sense_are_refused_by_server_and_schema(self):
        steps = [{"event": "view"}, {"event": "coupon", "optional": True}, {"event": "purchase"}]
        excluded = {"steps": [steps[0], steps[2]], "exclusions": [{"event": "logout"}]}
        judge, definition = validator("query"), validator("funnel")
        with self.serve() as server:
            for why, funnel in [
                    ("steps: the first", {"steps": [steps[1], steps[2]]}),
                    ("steps: optional steps", {"steps": steps, "order": "unordered"}),
                    ("exclusions: they need", {**excluded, "order": "unordered"}),
                    ("exclusions: nothing is between", {**excluded, "order": "strict"}),
                    ("compat_modes: ", {"steps": steps[:1], "compat": "clickhouse",
                                        "compat_modes": ["allow_reentry"]})]:
                query = {"kind": "funnel", **funnel}
                answer = self.ask(server, query)
                self.assertEqual(answer.status, 400, query)
                self.assertIn(why, answer.json()["error"]["message"])
                stored = server.request("PUT", "/api/funnels/odd", json.dumps(funnel))
                self.assertEqual(stored.status, 400, query)
                self.assertFalse(judge.is_valid(query), query)
                self.assertFalse(definition.is_valid(funnel), funnel)
            for funnel in [{"steps": steps}, excluded, {**excluded, "order": "strictly_increasing"},
                           {"steps": steps[:1], "compat": "clickhouse",
                            "compat_modes": ["strict_order", "allow_reentry"]}]:
                query = {"kind": "funnel", **funnel}
                self.assertEqual(self.ask(server, query).status, 200, query)
                self.assertTrue(judge.is_valid(query), query)
                self.assertTrue(definition.is_valid(funnel), funnel)

    def test_other_refusals(self):
        with self.serve() as server:
            self.assertEqual(self.ask(server, b"\xff").status, 400)
            self.assertEqual(self.ask(server, " " * ((1 << 20) + 1)).status, 413)
            self.assertEqual(server.get("/api/query").status, 405)
            unknown = self.ask(server, {"kind": "funnel", "funnel_id": "x"})
            self.assertEqual(unknown.status, 404)
            self.assertIn("funnel_id: ", unknown.json()["error"]["message"])
            longer = {**self.SESSIONS, "from": BEGIN, "to": BEGIN + 400 * DAY + 1}
            answer = self.ask(server, longer)
            message = answer.json()["error"]["message"]
            self.assertEqual(answer.status, 400)
            self.assertIn("from: 401 days before to, at most 400", message)
            longer["to"] -= 1
            self.assertEqual(self.ask(server, longer).status, 200)

    def test_clients_that_leave_end_their_queries(self):
        lines = "".join(json.dumps({"user_id": f"u{n % 400}", "event_type": "view",
                                    "timestamp": BEGIN + 10 * n}) + "\n" for n in range(100_000))
        done = run("import", self.path("many.ndjson", lines.encode()), "--data", self.data)
        self.assertEqual(done.returncode, 0, done)
        # The work of an ordered funnel grows with its optional steps: this one takes seconds.
        slow = json.dumps({"kind": "funnel", "steps": [
            {"event": "view"}, *([{"event": "view", "optional": True}] * 62), {"event": "view"}]})

        def leave(*clients):
            for client in clients:
                client.close()

        def start(server):
            client = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            client.sendall(b"POST /api/query HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                           % len(slow) + slow.encode())
            return client

        def metric(server, name):
            text = server.get("/metrics").body.decode()
            return int(re.search(rf"^insightflow_{name} (\d+)$", text, re.M).group(1))

        with self.serve("--queries-max", "1") as server:
            first = start(server)
            await_condition(lambda: metric(server, "queries_running") == 1, "a query that runs")
            second, third = start(server), start(server)
            await_condition(lambda: metric(server, "queries_refused_total") == 1, "a refusal")
            refused = self.ask(server, slow)
            self.assertEqual((refused.status, refused.headers["Retry-After"]), (503, "1"))
            self.assertEqual(refused.json()["error"]["code"], "overloaded")
            self.assertEqual(server.ask("/api/stats/events")["total_events"], 100_000)
            leave(first, second, third)
            await_condition(lambda: metric(server, "queries_cancelled_total") == 2, "the end")
            self.assertEqual(metric(server, "queries_running"), 0)
            self.assertEqual(metric(server, "queries_late_total"), 0)
            self.assertEqual(self.ask(server, self.SESSIONS).status, 200)
            self.assertEqual(server.stop(), 0)

    def test_the_command_line_answers_the_same(self):
        file = self.path("query.json", json.dumps(self.SESSIONS).encode())
        with self.serve() as server:
            server.collect(visits())
            over_http = self.ask(server, self.SESSIONS).json()
            busy = run("query", file, "--data", self.data)
            self.assertEqual(busy.returncode, 1)
            self.assertIn(b"in use", busy.stderr)
            server.stop()
        inline = " " + json.dumps(self.SESSIONS)
        for arguments, stdin in [([file], None), ([inline], None), (["-"], inline.encode())]:
            done = run("query", *arguments, "--data", self.data, stdin=stdin)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            answer = json.loads(done.stdout)
            for body in [answer, over_http]:
                body["meta"].pop("query_ms", None)
            self.assertEqual(answer, over_http)

    def test_a_terminal_shows_a_table(self):
        with self.serve() as server:
            server.collect(visits())
            server.stop()
        file = self.path("query.json", json.dumps(self.SESSIONS).encode())
        code, shown = on_terminal("query", file, "--data", self.data)
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown, rb"\r\nall +10 +10 +1 +10\.0%")
        self.assertRegex(shown, rb"\r\n2026-01-01 +1 +1 +1\r\n")
        self.assertIn(b"\r\n55 events in ", shown)

    def test_mistakes_on_the_command_line(self):
        bad = self.path("bad.json", b'{"kind":"funel"}')
        done = run("query", bad, "--data", self.data)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertRegex(done.stderr.decode(),
                         r'^insightflow: \S+/bad\.json: kind: "funel"[^\n]+\n$')
        inline = run("query", '{"kind":"funel"}', "--data", self.data)
        self.assertEqual((inline.returncode, inline.stdout), (2, b""))
        self.assertRegex(inline.stderr.decode(), r'^insightflow: kind: "funel"[^\n]+\n$')
        good = self.path("good.json", b'{"kind":"sessions"}')
        for arguments, code, word in [
                (["query"], 2, "name the file"), (["query", good], 2, "--data"),
                (["query", good, "--data", self.data], 1, self.data),
                (["query", self.path("none"), "--data", self.data], 1, "none"),
                (["query", self.folder, "--data", self.data], 2, "is a folder")]:
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
            self.assertIn(word, done.stderr.decode())
        self.assertFalse(os.path.exists(self.data))


class Documentation(unittest.TestCase):
    def test_its_json_is_that_of_the_examples(self):
        blocks = re.findall(r"```json\n(.*?)```", read("docs", "queries.md"), re.S)
        shown = [json.loads(block) for block in blocks]
        known = [content for ending in (".query.json", ".answer.json", ".funnel.json")
                 for _, content in examples(ending)]
        for content in shown:
            self.assertIn(content, known)
        for name, content in examples(".query.json") + examples(".funnel.json"):
            self.assertIn(content, shown, f"docs/queries.md does not show {name}")

    def test_it_names_every_field_of_the_schema(self):
        text = read("docs", "queries.md")
        definitions = json.loads(read("schema", "query.schema.json"))["$defs"]
        definitions["stored funnel"] = json.loads(read("schema", "funnel.schema.json"))
        for name, definition in definitions.items():
            for field in definition.get("properties", {}):
                self.assertRegex(text, rf'[`"]{field}["`]', f"{name}.{field} is not described")


if __name__ == "__main__":
    unittest.main()
