-- A rollback hands the old key out again, and ends that one: it means the new one.
runbook { name = "rotate-payment-key", locks = { "secrets/payments" }, on_failure = "rollback" }
local health, hosts, secrets = require "health", require "hosts", require "secrets"
local function install(version)
  local key = secrets.get { name = "payments/key", version = version }.value
  hosts.run { on = { "pay-1" }, argv = { "install-key" }, secrets = { KEY = key }, class = "write", recovery = "retry" }
  hosts.service { on = { "pay-1" }, name = "payments", action = "restart" }
  health.wait { env = "payments", timeout = "1m" }
end
local made = secrets.rotate { name = "payments/key" }
on_rollback("end one", function() secrets.revoke { name = "payments/key", version = made.previous } end)
on_rollback("the old key", function() install(made.previous) end)
install(made.version)
secrets.revoke { name = "payments/key", version = made.previous }
