return { world = { db = { version = 20, newest = 21 }, deploy = { envs = { api = { version = "v4", state = "active" } } },
  health = { api = { error_rate = function(world) return world.db.version >= 21 and world.deploy.envs.api.serving == "v4" and 60 or 0 end } } } }
