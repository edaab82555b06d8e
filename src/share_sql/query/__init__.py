"""What is known of one query: examined once, with findings."""
