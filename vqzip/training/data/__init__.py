"""Training pictures: where they come from, how crops are cut, and workers that cut them."""
