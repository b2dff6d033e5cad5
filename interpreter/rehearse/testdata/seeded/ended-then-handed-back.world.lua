return { world = {
  secrets = { ["api/key"] = { versions = { "11" } } },
  deploy = { envs = { gateway = { version = "v5", state = "active" }, worker = { version = "v5", state = "active" } } },
} }
