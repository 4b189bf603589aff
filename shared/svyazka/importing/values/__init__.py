"""What a cell means: names, phones, mails, days, amounts, choices. Pure; each with its remarks."""
