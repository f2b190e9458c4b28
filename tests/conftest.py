"""Fixtures that more than one file of tests uses."""
