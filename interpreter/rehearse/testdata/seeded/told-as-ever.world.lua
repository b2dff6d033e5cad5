return { world = { deploy = { envs = {
  api    = { version = "v1", state = "active" },
  worker = { version = "v1", state = "active" },
  cron   = { version = "v1", state = "active" },
} } } }
