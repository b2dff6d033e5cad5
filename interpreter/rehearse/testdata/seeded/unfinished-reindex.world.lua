return { world = {
  traffic = { weights = { blue = 100, green = 0 } },
  http = { vars = { from = -1 }, responses = {
    ["POST https://search.example.net/reindex"] = { status = 202, apply = function(_, elapsed) return { from = elapsed } end },
    ["GET https://search.example.net/reindex/status"] = { json = function(world, elapsed)
      return { done = world.http.vars.from >= 0 and elapsed > world.http.vars.from + 300 }
    end },
  } },
} }
