return { world = { exec = { vars = { frozen = -1, workers = 8 }, commands = {
  ["./freeze.sh reports"] = { apply = function(_, elapsed) return { frozen = elapsed } end },
  ["./workers.sh more"] = { apply = function(world) return { workers = world.exec.vars.workers + 1 } end },
  ["./workers.sh nine"] = { sets = { workers = 9 } },
} } } }
