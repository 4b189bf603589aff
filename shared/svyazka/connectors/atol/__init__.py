"""АТОЛ Онлайн (ATOL Online): cloud tills that register fiscal receipts for money that somebody else has taken."""
