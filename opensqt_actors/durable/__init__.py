"""The durable engine: order batches as DBOS workflows. Nothing here is imported unless a configuration asks for it."""
