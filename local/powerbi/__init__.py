"""The Power BI simulator: push datasets of one workspace, with the service's checks, limits and traps."""
