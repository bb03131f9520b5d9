"""Requirements as text; see `hyperherd.requirements.parser`."""

from hyperherd.requirements.parser import parse

__all__ = ["parse"]
