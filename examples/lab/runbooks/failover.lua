-- The primary database is lost: somebody is called and takes it on, the replica is
-- promoted, DNS and traffic go to where it is. In the lab:
--
--   runbook lab --with all            in one terminal, and in another one
--   runbook lab down db-a
--   runbook run examples/lab/runbooks/failover.lua
--   runbook lab acknowledge ana       in a third one, or the manager is called

runbook {
  name       = "failover",
  summary    = "Promote the replica of a primary that is lost, and lead everybody there",
  params     = {
    replica = { type = "string", default = "db-b", doc = "the node to promote" },
    name    = { type = "string", default = "www.example.org", doc = "the DNS name" },
    from    = { type = "list", of = "string", default = { "192.0.2.1" }, doc = "where it leads now" },
    to      = { type = "list", of = "string", default = { "192.0.2.2" }, doc = "where it is to lead" },
    env     = { type = "string", default = "green", doc = "what serves there" },
    version = { type = "string", default = "v1.0.0", doc = "the version to bring there" },
    wait    = { type = "duration", default = "2m", doc = "how long before the manager is called, too" },
    pause   = { type = "duration", default = "0s", doc = "between steps, to try what a killed runner does" },
  },
  locks      = { "db/main", "dns/example.org", "traffic/web" },
  on_failure = "ask", -- a promotion cannot be taken back
}

local db, deploy, dns, health = require "db", require "deploy", require "dns", require "health"
local notify, traffic = require "notify", require "traffic"

local call
step("call somebody", function()
  call = notify.escalate { text = "the primary database is lost", every = "1s",
    levels = { { to = "on-call", wait = params.wait }, { to = "manager", wait = params.wait } } }
  log.info { taken_on_by = call.by }
  sleep(params.pause)
end)

step("let " .. params.replica .. " take writes", function()
  local now = db.promote { node = params.replica }
  db.exec { sql = "CREATE TABLE IF NOT EXISTS failovers (at timestamptz DEFAULT now())" }
  db.exec { sql = "INSERT INTO failovers DEFAULT VALUES" }
  log.info { primary = now.primary, timeline = now.timeline }
  sleep(params.pause)
end)

step("bring " .. params.version .. " to " .. params.env, function()
  deploy.release { env = params.env, version = params.version }
  deploy.activate { env = params.env }
  health.wait { env = params.env, timeout = "1m", every = "1s" }
  sleep(params.pause)
end)

step("lead everybody there", function()
  dns.failover { name = params.name, from = params.from, to = params.to, resolvers = { "resolver" }, every = "1s" }
  sleep(params.pause)
  traffic.switch { to = params.env }
  sleep(params.pause)
end)

step("it is over", function()
  for _, page in ipairs(call.pages) do notify.update { to = page.to, key = page.key, status = "resolved" } end
  notify.send { to = "deployments", text = params.replica .. " is the primary, " .. params.env .. " serves" }
end)
