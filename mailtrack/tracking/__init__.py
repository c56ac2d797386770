"""Polling parcels, merging their histories, and showing them."""
