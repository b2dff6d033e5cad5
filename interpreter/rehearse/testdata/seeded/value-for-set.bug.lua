-- A set holds what is written: the value that is added takes away the others.
runbook { name = "add-name-server", locks = { "dns/example.net" }, on_failure = "rollback" }
local dns, notify = require "dns", require "notify"
local before = dns.records { name = "example.net", type = "NS" }
local values = { "ns3.example.net." }
dns.set { name = "example.net", type = "NS", values = values, ttl = before.ttl,
  undo = function() dns.set { name = "example.net", type = "NS", values = before.values, ttl = before.ttl } end }
dns.wait { name = "example.net", type = "NS", values = values, timeout = "1h" }
notify.send { to = "dns", text = "ns3 answers beside the others" }
