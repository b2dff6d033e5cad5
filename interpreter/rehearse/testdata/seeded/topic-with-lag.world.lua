return { world = {
  deploy = { envs = { collector = { version = "v30", state = "active" } } },
  exec = { commands = { ["./consumer-lag.sh billing events.v1"] = { json = function(world, elapsed) return { lag = elapsed > 1500 and 0 or 41200 } end } } },
} }
