"""From an event to deliveries."""
