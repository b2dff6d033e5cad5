local traffic = require "traffic"
traffic.switch { to = "green" }
runbook { name = "late", params = { x = { type = "int" } } } -- error: runbook\{\} has to come first
print(params.x, params.y) -- error: params\.y is not declared
