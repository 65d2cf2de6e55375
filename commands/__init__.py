"""The operator's commands, one module each. `manage.py` finds Python and calls them."""
