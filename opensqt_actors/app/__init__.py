"""Wiring: which parts a process is made of, in which order they start and stop. No trading rule lives here."""
