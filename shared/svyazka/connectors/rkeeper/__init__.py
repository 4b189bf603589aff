"""r_keeper (UCS): r_k Delivery's push notifications and API, and White Server, the relay to the tills."""
