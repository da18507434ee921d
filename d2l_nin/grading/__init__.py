"""Grading: submitted notebooks, each run in a process of its own."""
