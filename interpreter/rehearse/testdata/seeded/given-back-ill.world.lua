return { world = { traffic = { weights = { old = 100, spare = 0 } },
  health = { old = { healthy = function(world) return world.exec.vars.up end } },
  exec = { vars = { up = true }, commands = { ["./old.sh start"] = { sets = { up = true } }, ["./old.sh stop"] = { sets = { up = false } } } } } }
