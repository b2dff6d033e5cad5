return { world = { http = { vars = { credits = 0 }, responses = {
  ["POST https://billing.example.net/credits"] = { status = 201, apply = function(world) return { credits = world.http.vars.credits + 1 } end },
} } } }
