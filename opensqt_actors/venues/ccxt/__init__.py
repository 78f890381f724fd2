"""Venues over ccxt.pro: a base session (HTTP, sockets, errors, lazy import) and one dialect module per venue."""
