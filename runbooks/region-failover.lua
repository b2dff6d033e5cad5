-- Multi-region failover: the version is brought to the recovery region and
-- validated there; people agree; the region is activated; DNS is moved, and watched
-- until resolvers see it.
--
--   runbook run region-failover.lua --params failover.yaml

runbook {
  name    = "region-failover",
  summary = "Bring the services up in another region, and lead the world there",
  params  = {
    region  = { type = "string", required = true, min = 1, doc = "the recovery region" },
    version = { type = "string", required = true, min = 1, doc = "the version to bring there" },
    env     = { type = "string", default = "disaster-recovery", doc = "the environment there" },
    name    = { type = "string", required = true, min = 1, doc = "the DNS name: www.example.org" },
    from    = { type = "list", of = "string", required = true, min = 1, doc = "what it leads to now: addresses" },
    to      = { type = "list", of = "string", required = true, min = 1, doc = "what it is to lead to" },
    resolvers = { type = "list", of = "string", default = {}, doc = "who has to see it, beside the authoritative servers" },
    by      = { type = "list", of = "string", default = {}, doc = "who agrees to the move; anyone if empty" },
    bake    = { type = "duration", default = "15m", doc = "how long the region is watched afterwards" },
    every   = { type = "duration", default = "30s", doc = "the window of one measurement" },
    deploy_timeout = { type = "duration", default = "30m", doc = "bounds the deployment" },
    dns_timeout    = { type = "duration", default = "1h", doc = "how long resolvers may take" },
    channel = { type = "string", default = "incidents", doc = "where to tell people; empty tells nobody" },
  },
  locks           = { "dns/failover", "deploy/regions" },
  on_failure      = "ask", -- whether to go back to a region that failed is not for a script to say
  recovery_target = "1h",
}

local deploy, dns, health = require "deploy", require "dns", require "health"
local policy, tell = require "lib.policy", require "lib.people".tell

local region, env = params.region, params.env

step("bring " .. params.version .. " to " .. region, function()
  deploy.release { version = params.version, env = env, region = region, timeout = params.deploy_timeout }
end)

step("validate " .. region, function()
  health.wait { env = env, timeout = "10m", every = "5s" }
end)

approve { title = "move to " .. region .. "?", by = #params.by > 0 and params.by or nil,
  detail = params.version .. " runs there and is healthy; " .. params.name .. " will lead to " .. table.concat(params.to, ", ") }

step("activate " .. region, function()
  health.wait { env = env, timeout = "10m", every = "5s" } -- people may have taken days to agree
  deploy.activate { env = env, region = region }
end)

step("lead " .. params.name .. " to " .. region, function()
  on_rollback(params.name .. " leads back", function()
    dns.failover { name = params.name, from = params.to, to = params.from, timeout = params.dns_timeout }
  end)
  dns.failover { name = params.name, from = params.from, to = params.to, timeout = params.dns_timeout,
    resolvers = #params.resolvers > 0 and params.resolvers or nil }
end)

step("watch " .. region, function()
  health.watch { env = env, during = params.bake, every = params.every, slo = policy.critical, warning = policy.warning }
end)

tell(params.channel, params.name .. " leads to " .. region .. ", which serves " .. params.version)
