"""What `doctor` looks at: each check as data, in files by whom it is about."""

from commands.checks import azure, clocks, powerbi, proofs, storage, vault, xero
from commands.checks.check import Check

# From the cheapest on; what a check needs comes before it.
CHECKS: tuple[Check, ...] = (
    *azure.SETTINGS,
    *storage.CHECKS,
    *vault.CHECKS,
    *xero.STORED,
    *powerbi.CHECKS,
    *xero.ASKED,
    *proofs.CHECKS,
    *clocks.CHECKS,
    *azure.DEPLOYED,
)

__all__ = ["CHECKS"]
