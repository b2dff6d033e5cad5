return { world = { deploy = { envs = { api = { version = "v1", state = "active" } } },
  health = { api = { error_rate = function(world) return world.deploy.envs.api.serving == "v2" and 8 or 0 end } } } }
