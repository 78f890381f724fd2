"""Generated from proto/opensqt/actors/v1 by scripts/generate_wire.py. Never edited."""
