"""Programs that make and measure the model without loss."""
