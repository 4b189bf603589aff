"""ЮKassa (YooKassa): links to pay by, charges of saved methods, holds, refunds, and receipts within them."""
