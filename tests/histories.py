"""Histories to compare: everything but the time, which no two trainings share."""


def without_seconds(history):
    return [{name: record[name] for name in record if name != "seconds"} for record in history]
