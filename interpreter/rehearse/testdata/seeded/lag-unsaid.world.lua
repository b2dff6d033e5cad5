return { world = { db = { nodes = { a = { primary = true, up = false }, b = { lag = "0s" } } } } }
