"""Who answers the stages' requests."""
