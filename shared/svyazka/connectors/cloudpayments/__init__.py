"""CloudPayments: links to pay by, charges of saved cards, holds, refunds; it asks before it takes money."""
