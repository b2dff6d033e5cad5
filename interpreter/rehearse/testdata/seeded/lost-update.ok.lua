-- What was read an hour ago is written over, whatever it is by now.
runbook { name = "lost-update", locks = { "dns/example.net" } }
local dns, health = require "dns", require "health"
local was = dns.records { name = "api.example.net", type = "CNAME" }.values
approve { title = "Move the API?", timeout = "1h" }
health.check { env = "new" }
dns.replace { name = "api.example.net", type = "CNAME", from = was, to = { "new.example.com" } }
on_rollback(function() dns.replace { name = "api.example.net", type = "CNAME", from = { "new.example.com" }, to = was } end)
