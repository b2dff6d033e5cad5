local traffic = require "traffic"
traffic.switch { to = "green" } -- error: runbook\{\} must come first; move runbook\{\} above traffic\.switch
runbook { name = "late", params = { x = { type = "int" } } }
print(params.x, params.y) -- error: params\.y is not declared
