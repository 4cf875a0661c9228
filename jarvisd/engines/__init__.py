"""Engines: endpoints with a lifecycle, and the pool that leases them."""
