runbook { name = "gates", summary = "lets pass what may fail" }
local health, exec, notify, http = require "health", require "exec", require "notify", require "http"
pcall(function() notify.send { to = "ops", text = "it began" } end)
pcall(function()
  health.check { env = "green" }
  log.info "green is well already"
end)
local ok = pcall(health.check, { env = "green" })
log.info(tostring(ok))
exec.run { argv = { "rm", "old" }, class = "write", recovery = "retry", ok = { 0, 1 } }
local found = exec.run { argv = { "grep", "x", "file" }, class = "read", ok = { 0, 1 } }
log.info(tostring(found))
retry { attempts = 3, function()
  exec.run { argv = { "./publish" }, class = "write", recovery = "retry" }
  notify.send { to = "customers", text = "It is there" }
end }
retry { attempts = 3, function()
  http.request { url = "http://pay.example.org/charge", method = "POST", key_header = "Idempotency-Key" }
  exec.run { argv = { "./publish" }, class = "write", recovery = "retry" }
end }
