return { start = "2026-11-27 03:00", params = { before = "2026-11-27T01:40:00Z" }, world = { db = { backups = { { name = "nightly", age = "5h" } } } } }
