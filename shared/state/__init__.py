"""What the connector remembers in Azure Storage, one module a kind. Every stored thing carries a format number."""
