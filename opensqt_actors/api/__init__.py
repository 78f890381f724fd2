"""The operators' gRPC service: what it asks the actor system for, how values look on the wire, and its socket."""
