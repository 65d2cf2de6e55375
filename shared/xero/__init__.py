"""Xero: its identity service, its API, its webhooks, and which resources are read how. Knows nothing of Power BI."""
