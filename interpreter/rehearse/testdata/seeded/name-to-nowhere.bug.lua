-- A name is deleted before it is set anew. On 4 October 2021 nobody found Facebook any more, for its names led nowhere
-- (Meta: More details about the October 4 outage).
runbook { name = "name-to-nowhere", locks = { "dns/example.net" }, on_failure = "stop" }
local dns = require "dns"
dns.delete { name = "db.example.net" }
dns.set { name = "db.example.net", values = { "192.0.2.2" }, ttl = "1m" }
