-- What a name led to is taken away while resolvers still send clients there.
runbook { name = "name-then-gone", locks = { "dns/example.net" }, on_failure = "stop" }
local deploy, dns, health = require "deploy", require "dns", require "health"
dns.replace { name = "www.example.net", from = { "192.0.2.1" }, to = { "192.0.2.2" } }
health.check { env = "new" }
deploy.decommission { env = "old" }
