"""The only room that knows the order: tree and worker behind the wall; scan and judge before it."""
