"""Pure decisions about deliveries: transitions, retries, guards, deadlines."""
