-- The workers' file has the new key, and the old one ends before they have read it.
runbook { name = "rotate-mail-key", locks = { "secrets/mail", "hosts/mail" }, on_failure = "stop" }
local secrets, hosts, health = require "secrets", require "hosts", require "health"
local new = secrets.rotate { name = "mail/key" }
local key = secrets.get { name = "mail/key", version = new.version }.value
for group, unit in pairs { front = "smtpd", back = "queued" } do
  hosts.run { on = { group }, argv = { "put-key", "mail" }, secrets = { KEY = key }, class = "write", recovery = "retry" }
  hosts.service { on = { group }, name = unit, action = "restart" }
  health.check { env = group }
end
approve { title = "end the old key?", by = { "mail-lead" } }
secrets.revoke { name = "mail/key", version = new.previous }
