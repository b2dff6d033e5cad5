return { world = { deploy = { envs = { api = { version = "v7", state = "active" } } }, db = { nodes = { a = { primary = true } }, version = 7, newest = 8 },
  health = { api = { uptime = 100, error_rate = function(world) return world.deploy.envs.api.serving == "v8" and world.db.version < 8 and 40 or 0 end } } } }
