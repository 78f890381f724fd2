"""What a running process tells about itself: log lines and metrics. Neither ever makes trading wait."""
