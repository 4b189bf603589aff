"""Long work in slices: claimed, done, recorded, gone on with. What each kind of it does stands in other rooms."""
