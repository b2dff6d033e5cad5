-- A rollback tells customers that all is well, and nobody looked whether it is.
runbook { name = "rebuild-index", locks = { "search/index" }, on_failure = "rollback" }
local exec, health, notify = require "exec", require "health", require "notify"
local incident
on_rollback("customers know", function()
  if not incident then return end
  health.check { env = "search", timeout = "5m" }
  notify.publish { to = "customers", key = incident, status = "resolved", text = "The work was broken off; search is as it was." }
end)
incident = notify.publish { to = "customers", title = "Search is slower", text = "We rebuild its index.", status = "identified" }.key
exec.run { argv = { "indexctl", "rebuild" }, class = "write", recovery = "retry" }
health.watch { env = "search", during = "10m", every = "5m", slo = { error_rate = "< 1%" } }
notify.publish { to = "customers", key = incident, status = "resolved", text = "Search is as fast as before." }
