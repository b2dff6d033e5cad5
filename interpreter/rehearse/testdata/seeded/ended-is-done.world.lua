return { world = {
  traffic = { weights = { blue = 100, green = 0 } },
  http = { responses = { ["GET https://search.example.net/jobs/7"] = { json = function(_, elapsed) return { state = elapsed < 200 and "running" or "done" } end } } },
} }
