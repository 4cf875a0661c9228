"""The child processes: each loads one model and serves it on a Unix socket. Heavy imports live here only."""
