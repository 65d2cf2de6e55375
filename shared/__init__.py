"""Everything that thinks. Nothing in here imports azure.functions."""
