return { world = { db = { nodes = { a = { primary = true } }, backups = { { name = "f1", age = "1d" } },
  statements = { ["SELECT dropped_at FROM audit"] = { rows = { { dropped_at = 1767600000 } } } } } } }
