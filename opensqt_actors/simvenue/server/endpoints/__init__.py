"""What the venue can be asked, one function per request; REST and the WebSocket API call the same ones."""

from opensqt_actors.simvenue.server.endpoints import account, public, trading
from opensqt_actors.simvenue.server.endpoints.call import ROUTES, Call, Endpoint, Security

__all__ = ["ROUTES", "Call", "Endpoint", "Security", "account", "public", "trading"]
