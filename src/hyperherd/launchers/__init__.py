"""WHO runs jobs. Launchers know no sweep and no workspace; they are told everything in a `Batch`."""
