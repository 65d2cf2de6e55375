"""The use cases, each readable from top to bottom."""
