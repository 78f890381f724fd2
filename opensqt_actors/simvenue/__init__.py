"""A simulated perpetual-futures venue: matching engine, accounts and market models, and the server that speaks for them.

It is an independent witness of the trading side and imports nothing from the rest of the package.
"""
