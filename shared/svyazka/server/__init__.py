"""Everything on one machine: what `svyazka run` serves, in two supervised processes over one database."""
