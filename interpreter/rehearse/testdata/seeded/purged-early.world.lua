return { world = {
  deploy = { envs = { docs = { version = "v2", state = "active", instances = 2 } } },
  health = { docs = { error_rate = "0.1%" } },
} }
