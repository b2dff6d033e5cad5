-- Before a deployment: what programs can tell is looked at, what only people can
-- tell is a checklist with evidence, and the risk and the way back are agreed to.
--
--   runbook run pre-deployment.lua --params checks.yaml
--
-- Its record is the proof: runbook report latest

runbook {
  name    = "pre-deployment",
  summary = "See that a deployment may begin, and keep the proof",
  params  = {
    version   = { type = "string", required = true, min = 1, doc = "the version that is to be deployed" },
    env       = { type = "string", default = "blue", doc = "the environment that serves now" },
    tests     = { type = "list", of = "string", default = { "npm", "run", "test:final-integration" }, doc = "the integration tests" },
    test_timeout = { type = "duration", default = "1h", doc = "bounds them" },
    db        = { type = "bool", default = true, doc = "whether there is a database, whose backup is looked at" },
    backup_age = { type = "duration", default = "24h", doc = "how old the newest backup may be" },
    every     = { type = "duration", default = "1m", doc = "how long the service levels are measured" },
    lead      = { type = "list", of = "string", default = {}, doc = "who answers for systems and infrastructure; anyone if empty" },
    security  = { type = "list", of = "string", default = {}, doc = "who answers for security; anyone if empty" },
    approvers = { type = "list", of = "string", default = {}, doc = "who agrees to the deployment; anyone if empty" },
    count     = { type = "int", default = 1, min = 1, doc = "how many of them" },
  },
  on_failure = "stop",
}

local db, exec, health = require "db", require "exec", require "health"
local policy = require "lib.policy"

local function who(names) return #names > 0 and names or nil end

step("system: integration tests", function()
  exec.run { argv = params.tests, class = "read", timeout = params.test_timeout }
end)

step("system: service levels of " .. params.env, function()
  health.check { env = params.env }
  health.watch { env = params.env, during = params.every, every = params.every, slo = policy.slo }
end)

if params.db then
  step("system: a backup that is whole and new enough", function()
    local have = db.backups {}
    local newest
    for _, backup in ipairs(have.backups) do
      if not backup.damaged then newest = backup end
    end
    if not newest then fail "there is no backup of the database that is whole" end
    local age = now() - newest.ended
    if age > params.backup_age then
      fail { message = ("the newest backup, %s, is %.0f hours old"):format(newest.name, age / 3600), hint = "make one: db.backup, or your own tool" }
    end
    db.validate {}
  end)
end

checklist { title = "System and infrastructure before " .. params.version, by = who(params.lead), items = {
  { text = "change request filed, with its risk assessment", evidence = true },
  "deployment plan reviewed, its way back rehearsed",
  { text = "security audit completed, no critical vulnerabilities", evidence = true },
  "all modules pass serverless readiness validation",
  "configuration validated for the target environment",
  "backup and disaster recovery procedures tested",
  "production infrastructure provisioned and configured",
  "load balancers configured with health checks",
  "TLS certificates installed and validated",
  "monitoring and alerting configured",
  "log aggregation ready",
  "database migrations completed, or there are none",
} }

checklist { title = "Security before " .. params.version, by = who(params.security), items = {
  "all secrets rotated and stored securely",
  "access follows least privilege",
  "network security groups configured",
  "WAF rules configured and tested",
  "DDoS protection enabled",
  { text = "compliance requirements validated (GDPR, SOC2)", evidence = true },
} }

approve { title = "deploy " .. params.version .. "?", by = who(params.approvers), count = params.count, separate = true,
  detail = "the plan is that of `runbook run blue-green.lua --dry-run`; the way back is its rollback, within 30 s" }
