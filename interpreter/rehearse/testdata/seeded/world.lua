-- The world in which the seeded runbooks are explored.
return {
  world = {
    traffic = { weights = { blue = 100, green = 0 } },
    db = { nodes = { a = { primary = true, up = function(world) return not world.exec.vars.a_down end }, b = { lag = "1s" } } },
    dns = { records = { { name = "db.example.net", type = "A", values = { "192.0.2.1" }, ttl = "1m" } } },
    exec = {
      vars = { charges = 0, blue_gone = false, a_down = false },
      commands = {
        ["./charge.sh"] = { apply = function(world) return { charges = world.exec.vars.charges + 1 } end },
        ["./stop.sh a"] = { sets = { a_down = true } },
        ["./decommission.sh"] = { sets = { blue_gone = true } },
      },
    },
  },
}
