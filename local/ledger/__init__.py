"""The general ledger of an organisation, kept from its records by double entry: what Xero's reports are made of.

It is no part of the product, and shares no code with it: figures that the product works out are held against these.
"""

from local.ledger.balances import Ledger, keep
from local.ledger.chart import Account, Chart
from local.ledger.postings import Posting, Rules

__all__ = ["Account", "Chart", "Ledger", "Posting", "Rules", "keep"]
