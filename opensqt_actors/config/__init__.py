"""Settings: their models, where they are read from, and the sentences that say what is wrong with them."""
