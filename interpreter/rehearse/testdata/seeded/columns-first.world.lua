return { world = {
  db = { nodes = { a = { primary = true } }, version = 1, newest = 2 },
  deploy = { envs = { blue = { version = "v1", serving = "v1", state = "active" }, green = { version = "v1", serving = "v1", state = "active" } } },
  traffic = { weights = { blue = 100, green = 0 } },
  health = { blue = { error_rate = "0%" }, green = { error_rate = function(world) return world.deploy.envs.green.serving == "v2" and world.db.version < 2 and "100%" or "0%" end } },
} }
