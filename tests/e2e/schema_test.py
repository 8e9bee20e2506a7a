"""The JSON Schemas say what the program does: the examples pass, the bad queries do not, and what a
server answers is as they promise."""

import json
import os
import re
import unittest

import jsonschema

from harness import SOURCE, ServerTest, event

SCHEMAS = os.path.join(SOURCE, "schema")
EXAMPLES = os.path.join(SCHEMAS, "examples")
KINDS = {"trends", "top", "sessions", "funnel", "retention", "paths", "lifecycle", "heatmap",
         "users"}


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def schema(name):
    return json.loads(read("schema", f"{name}.schema.json"))


def validator(name):
    """The batch's schema is made of the event's, the funnel's of the query's."""
    whole = schema(name)
    text = json.dumps(whole)
    if '"query.schema.json#/' in text:
        whole = json.loads(text.replace('"query.schema.json#/', '"#/'))
        whole["$defs"] = schema("query")["$defs"]
    if '"event.schema.json"' in text and name != "event":
        whole = json.loads(text.replace('"event.schema.json"', '"#/$defs/event"'))
        whole["$defs"] = {"event": {key: value for key, value in schema("event").items()
                                    if not key.startswith("$")}}
    return jsonschema.Draft202012Validator(whole)


def examples(ending):
    """(name, content) of each example."""
    return [(name[:-len(ending)], json.loads(read("schema", "examples", name)))
            for name in sorted(os.listdir(EXAMPLES)) if name.endswith(ending)]


def bad_lines(name):
    return [line.split("\t") for line in read("tests", "golden", name).splitlines()]


def bad_queries():
    """(who refuses it, a part of the message, the query as text)."""
    return bad_lines("bad_queries.txt")


def bad_funnels():
    """The same for definitions."""
    return bad_lines("bad_funnels.txt")


class Schemas(unittest.TestCase):
    def test_each_is_a_schema(self):
        names = [name for name in os.listdir(SCHEMAS) if name.endswith(".schema.json")]
        self.assertGreaterEqual(len(names), 5)
        for name in names:
            jsonschema.Draft202012Validator.check_schema(json.loads(read("schema", name)))

    def test_the_examples_pass_and_show_every_kind(self):
        for form in ["query", "answer"]:
            judge, seen = validator(form), set()
            for name, content in examples(f".{form}.json"):
                errors = [error.message for error in judge.iter_errors(content)]
                self.assertEqual(errors, [], f"{name}.{form}.json")
                seen.add(content["kind"])
            self.assertEqual(seen, KINDS)

    def test_bad_queries_and_funnels_do_not_pass(self):
        for form, bad in [("query", bad_queries()), ("funnel", bad_funnels())]:
            judge = validator(form)
            for who, why, text in bad:
                try:
                    content = json.loads(text)
                except ValueError:
                    self.assertEqual(who, "parser", text)
                    continue
                self.assertEqual(judge.is_valid(content), who == "parser", f"{who}: {why}: {text}")

    def test_the_examples_of_funnels_pass_and_every_member_is_shared(self):
        judge, shown = validator("funnel"), examples(".funnel.json")
        self.assertGreaterEqual(len(shown), 2)
        for name, content in shown:
            self.assertEqual([e.message for e in judge.iter_errors(content)], [], name)
        query, funnel = schema("query")["$defs"]["funnel"], schema("funnel")
        own = {"id", "name", "active"}
        self.assertEqual(set(funnel["properties"]) - own,
                         set(query["properties"]) - {"funnel_id", "from", "to"})

    def test_what_the_program_writes_passes(self):
        """Random queries, as the program wrote them."""
        judge, corpus = validator("query"), os.path.join(SOURCE, "tests", "fuzz", "corpus", "query")
        names = [name for name in os.listdir(corpus) if name.startswith("canonical_")]
        self.assertGreaterEqual(len(names), 30)
        for name in names:
            content = json.loads(read("tests", "fuzz", "corpus", "query", name))
            self.assertEqual([error.message for error in judge.iter_errors(content)], [], name)

    def test_an_answer_without_a_member_does_not_pass(self):
        judge, optional = validator("answer"), {"points", "breakdown", "users", "split_causes"}
        for name, content in examples(".answer.json"):
            for member in set(content) - optional:
                less = {key: value for key, value in content.items() if key != member}
                self.assertFalse(judge.is_valid(less), f"{name} without {member}")


class Events(ServerTest):
    GOOD = [event(1), event(2, timestamp="2026-01-02T03:04:05Z", extra_data={"price": 9.5}),
            event(3, position_x=1.5, seq=7, event_id=None, plan="pro")]
    BAD = [{}, event(1, user_id=""), event(1, user_id=5), event(1, timestamp=0),
           event(1, timestamp=None), event(1, event_type="a\nb"), event(1, extra_data=[]),
           event(1, event_id="x" * 65), event(1, seq=-1)]

    def test_the_schemas_and_the_server_agree(self):
        judge, batch, answer = validator("event"), validator("batch"), validator("ingest-answer")
        with self.serve() as server:
            for good in self.GOOD:
                self.assertTrue(judge.is_valid(good), good)
                self.assertTrue(batch.is_valid({"events": [good]}), good)
                self.assertEqual(server.collect([good]).json()["accepted"], 1, good)
            for bad in self.BAD:
                self.assertFalse(judge.is_valid(bad), bad)
                body = server.collect([bad]).json()
                self.assertEqual(body["rejected"], 1, bad)
                answer.validate(body)
            for path in ["/api/events", "/bff/events/batch"]:
                answer.validate(server.collect([event(8), {}], path).json())
        self.assertFalse(batch.is_valid({"sent_at": 1}))

    def test_the_codes_of_rejections_are_those_of_the_documentation(self):
        listed = schema("ingest-answer")["properties"]["errors"]["items"]["properties"]["code"]
        shown = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \|$", read("docs", "events.md"), re.M)
        self.assertEqual(set(listed["enum"]), set(shown))


if __name__ == "__main__":
    unittest.main()
