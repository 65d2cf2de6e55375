"""What tests put in the place of the world: a clock that they move, a store in memory."""
