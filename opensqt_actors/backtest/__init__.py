"""Strategies over recorded prices, without a venue: the pure core alone, at the cost of its decisions."""
