"""The comparison of answers finds what differs, and only that."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rivals  # noqa: E402


class Compare(unittest.TestCase):
    """Answers of a rival against those of others."""

    def differs(self, name, theirs, ours):
        try:
            rivals.compare("rival", name, theirs, {"ours.json": {name: ours}})
        except SystemExit:
            return True
        return False

    def test_equal_answers_pass(self):
        self.assertFalse(self.differs("funnel_4", [4, 3, 2, 1], [4, 3, 2, 1]))

    def test_one_other_number_ends_the_run(self):
        self.assertTrue(self.differs("funnel_4", [4, 3, 2, 1], [4, 3, 2, 0]))

    def test_a_missing_row_ends_the_run(self):
        self.assertTrue(self.differs("retention_day_14", [[1, 0, 5]], [[1, 0, 5], [1, 1, 2]]))

    def test_walks_over_days_may_differ_by_a_hundredth(self):
        self.assertFalse(self.differs("paths", [[0, 1000, []]], [[0, 1010, []]]))
        self.assertTrue(self.differs("paths", [[0, 1000, []]], [[0, 1011, []]]))
        self.assertTrue(self.differs("paths_one_day", [[0, 1000, []]], [[0, 1001, []]]))


class Forms(unittest.TestCase):
    """Rows of rivals and answers of ours come into the same form."""

    def test_cells(self):
        answer = {"series": [{"breakdown": "view", "points": [
            {"time": "1970-01-02T00:00:00.000Z", "value": 7},
            {"time": "1970-01-03T00:00:00.000Z", "value": 0}]}]}
        rows = [("1", "view", "7")]
        self.assertEqual(rivals.OURS["count_by_day_and_type"](answer), rivals.cells(rows))

    def test_cohorts(self):
        answer = {"cohorts": [{"time": "1970-01-02T00:00:00.000Z", "size": 9,
                               "returned": [4, 0, 2, None]}]}
        rows = [(1, 2, 2), (1, 0, 4), (1, -1, 9)]
        self.assertEqual(rivals.OURS["retention_day_14"](answer), rivals.cohorts(rows))

    def test_paths(self):
        answer = {"nodes": [{"depth": 0, "value": "/a", "users": 2, "events": 3},
                            {"depth": 0, "value": "__other__", "users": 1, "events": 1},
                            {"depth": 1, "value": "__exit__", "users": 2, "events": 4}]}
        self.assertEqual(rivals.OURS["paths"](answer), [[0, 4, [[-2, -3, "/a"]]]])
        self.assertEqual(rivals.paths([(0, "/a", 3, 2)]), [[0, 3, [[-2, -3, "/a"]]]])

    def test_ranked_by_users_then_name(self):
        rows = [("/b", "2"), ("/a", "2"), ("/c", "3")]
        self.assertEqual(rivals.ranked(rows), [["/c", 3], ["/a", 2], ["/b", 2]])

    def test_sessions_tell_the_whole_of_their_time(self):
        answer = {"sessions": 3, "users": 2, "bounces": 1, "duration": {"mean_ms": 100 / 3}}
        self.assertEqual(rivals.OURS["sessions"](answer), [3, 2, 1, 100])


if __name__ == "__main__":
    unittest.main()
