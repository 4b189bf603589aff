"""T-Bank's internet acquiring (T-Kassa): links to pay by, charges of saved cards, holds, refunds."""
