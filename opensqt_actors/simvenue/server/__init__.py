"""The wire half of the simulated venue: REST, WebSockets, faults and the admin port around the engine.

It speaks Binance USD-M futures; nothing here decides about prices, fills or money.
"""
