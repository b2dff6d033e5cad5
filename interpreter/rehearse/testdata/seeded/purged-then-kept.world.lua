return { world = { db = { databases = { events = {
  nodes = { a = { primary = true } },
  backups = { { name = "sunday", age = "100h" } },
  statements = { ["DELETE FROM events"] = { rows = 120000, takes = "20m" } },
} } } } }
