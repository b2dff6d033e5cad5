-- Clients follow a name to a node that does not take writes yet.
runbook { name = "name-before-primary", locks = { "dns/example.net", "db/app" } }
local db, dns = require "db", require "dns"
db.promote { node = "south" }
on_rollback(function() dns.set { name = "app.example.net", values = { "192.0.2.10" } } end)
dns.replace { name = "app.example.net", from = { "192.0.2.10" }, to = { "192.0.2.20" } }
