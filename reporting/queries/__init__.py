"""Reads that pages need, each a constant number of SQL queries. None of them counts events or people."""

from reporting.queries.history import history_of
from reporting.queries.people import people_behind, people_csv
from reporting.queries.report import count_of, left_delivery, report_of
from reporting.queries.reports import last_reports, report_rows

__all__ = [
    "count_of",
    "history_of",
    "last_reports",
    "left_delivery",
    "people_behind",
    "people_csv",
    "report_of",
    "report_rows",
]
