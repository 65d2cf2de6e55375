"""The identity stand-in: an Entra authority, a managed identity endpoint, and the tokens that both issue."""
