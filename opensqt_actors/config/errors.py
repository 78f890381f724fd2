"""What is wrong with a configuration, in sentences for the person who wrote it."""

from __future__ import annotations

from opensqt_actors.domain.errors import OpenSqtError

MAX_SHOWN = 10


class ConfigError(OpenSqtError):
    """The configuration cannot be used. `problems`: one sentence each, never with a secret in it."""

    code = "config_error"

    def __init__(self, *problems: str) -> None:
        shown = list(problems[:MAX_SHOWN])
        if len(problems) > MAX_SHOWN:
            shown.append(f"... and {len(problems) - MAX_SHOWN} more")
        super().__init__("\n".join(shown))
        self.problems = problems
