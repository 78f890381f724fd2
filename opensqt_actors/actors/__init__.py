"""One module per actor and the messages that it understands. Pure steps: effects out, no I/O."""
