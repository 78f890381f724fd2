"""Market models (where prices come from) and the market that carries one: quotes, flow, candles, statistics."""
