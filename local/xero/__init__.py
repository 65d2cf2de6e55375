"""A stand-in for Xero: login.xero.com, identity.xero.com and api.xero.com on one address.

It answers as Xero is documented and was recorded to answer, keeps the books of any number of organisations, and
hands the clock, the faults, the limits and everything that nobody knows about Xero to its tests (`/_sim/`).
"""
