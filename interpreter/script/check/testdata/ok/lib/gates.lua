-- a module: no header, and params is the main script's
local health = require "health"
local gates = { tight = { error_rate = "< 0.1%" } }

function gates.watch(_)
  return health.watch { env = params.name, during = "10m", slo = gates.tight }
end

return gates
