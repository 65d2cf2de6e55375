"""The whole pipeline under faults that are drawn from a seed."""
