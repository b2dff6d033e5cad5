return { world = { db = { nodes = { a = { primary = true } }, log = false,
  backups = { { name = "f1", age = "3d" }, { name = "f2", age = "2d" }, { name = "f3", age = "1d" } } } } }
