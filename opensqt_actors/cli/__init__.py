"""The operator's command line. It talks to a running supervisor over its socket, and starts the demo."""
