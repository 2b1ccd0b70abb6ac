"""Training routers of your own."""

from __future__ import annotations
