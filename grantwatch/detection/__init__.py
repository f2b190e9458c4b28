"""How a detector is declared, what it may say, and which records reach it."""
