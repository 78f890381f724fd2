"""A simulated perpetual-futures venue: engine, accounts, market models, and a server in front.

It is an independent witness of the trading side and imports nothing from the rest of the package.
"""
