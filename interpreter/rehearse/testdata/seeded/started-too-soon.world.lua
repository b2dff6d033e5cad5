return { world = { db = { nodes = { a = { primary = true } }, version = 7, newest = 8 } } }
