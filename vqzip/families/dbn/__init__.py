"""Deep belief networks (Hinton, Osindero and Teh 2006) of restricted Boltzmann machines."""
