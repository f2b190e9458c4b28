"""The only modules that touch a file system, a database or a cloud."""
