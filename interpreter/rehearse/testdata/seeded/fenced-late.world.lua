return { world = { db = { nodes = { a = { primary = true }, b = { lag = "0s" } } } } }
