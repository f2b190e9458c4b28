"""Samples: a synthetic day of an invented company, in which data is stolen."""
