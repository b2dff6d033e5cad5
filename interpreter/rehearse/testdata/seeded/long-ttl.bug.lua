-- A record that resolvers keep for a day is changed, so that a way back takes a day, too. Slack could not take back
-- a DNSSEC record of 24 h on 30 September 2021 (Slack Engineering: The Case of the Recursive Resolvers).
runbook { name = "long-ttl", locks = { "dns/example.net" }, on_failure = "stop" }
local dns = require "dns"
local old, new = { "192.0.2.1" }, { "192.0.2.2" }
dns.set { name = "www.example.net", values = old, ttl = "1m" }
dns.replace { name = "www.example.net", from = old, to = new }
