"""Programs that tune models to how pictures look."""
