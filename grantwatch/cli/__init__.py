"""The command line: findings on standard output, everything else on standard error."""
