return { world = { db = { nodes = { a = { primary = true } }, backups = { { name = "f1", age = "1d" } }, log = false, takes = { backup = "2h" } },
  http = { responses = { ["DELETE https://backups.example.org/v1/"] = { status = 204 } } } } }
