"""GrantWatch: tells an Azure security team when data has become reachable from outside its custody."""

__version__ = "0.1.0"
