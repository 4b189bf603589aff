"""The durable record: documents of events, deliveries and attempts, and how requests become them."""
