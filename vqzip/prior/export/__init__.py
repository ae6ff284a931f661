"""From the float prior to the integers that code."""
