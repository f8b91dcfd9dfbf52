"""Talking to a trained cast, in a terminal or on a local page."""
