-- Names may point to the replica only once it takes writes.
runbook { name = "dns-first", locks = { "db/main", "dns/example.net" } }
local db, dns, exec = require "db", require "dns", require "exec"
invariant("names follow the primary", function(world)
  local named = world.dns.zones["example.net"]["db.example.net A"].values[1]
  return named ~= "192.0.2.2" or world.db.primary == "b", "db.example.net is " .. named .. ", the primary is " .. tostring(world.db.primary)
end)
on_rollback("names", function()
  if not db.is_primary { node = "b" }.primary then
    dns.set { name = "db.example.net", type = "A", values = { "192.0.2.1" }, ttl = "1m" }
  end
end)
exec.run { argv = { "./stop.sh", "a" }, class = "write", recovery = "retry" }
db.promote { node = "b" }
dns.set { name = "db.example.net", type = "A", values = { "192.0.2.2" }, ttl = "1m" }
