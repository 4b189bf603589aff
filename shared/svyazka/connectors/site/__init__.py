"""A business's own site, bot, till or Mini App: whoever calls the front door."""
