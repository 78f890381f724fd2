"""The venue port and its adapters."""
