return { world = { traffic = { weights = { east = 50, west = 50 } },
  exec = { vars = { west = 20 }, commands = { ["./scale.sh west 40"] = { takes = "6m", sets = { west = 40 } } } },
  health = { west = { error_rate = function(world) return world.traffic.weights.west * 0.4 > world.exec.vars.west and 35 or 0 end } } } }
