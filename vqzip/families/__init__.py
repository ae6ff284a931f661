"""Families of models: what each can do, its configuration, its networks; one table names them all."""
