"""Operators' commands that survive a killed supervisor: procedures in steps, what runs them, and the desk in front."""
