"""The processes that measure: a server that preloads, and the workers that come from it."""
