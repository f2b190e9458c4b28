"""Incident stories: the logs of seven courses of events, and beside each the findings in which it ends."""
