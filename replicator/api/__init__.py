"""The HTTP face of a running service: health, metrics, status, and commands.

Here belong the routes, the documents that they answer with, who may ask for what, and which status an
error becomes. Nothing is decided here: every figure is the engine's, and every command is one call of
``replicator.engine.service.Service``. Health, metrics and status are open; what changes something, and
what shows records or names, wants the bearer token.
"""

from replicator.api.application import create_app
from replicator.api.figures import figures_of
from replicator.api.served import Served

__all__ = ["Served", "create_app", "figures_of"]
