-- What serves is replaced in place, and nobody is woken for it: its alerts are
-- silenced until Prometheus says that it is well again. In the lab:
--
--   runbook run examples/lab/runbooks/quiet.lua --env prometheus

runbook {
  name       = "quiet",
  summary    = "Replace a version in place, with its alerts silenced meanwhile",
  params     = {
    env     = { type = "string", default = "blue", doc = "what serves" },
    version = { type = "string", default = "v1.0.1", doc = "the version to bring there" },
    watch   = { type = "duration", default = "30s", doc = "how long it is watched before its alerts reach people again" },
    every   = { type = "duration", default = "5s", doc = "the window of one measurement" },
    lasts   = { type = "duration", default = "10m", doc = "when the silence ends by itself" },
  },
  locks      = { "deploy/web" },
  on_failure = "rollback",
}

local deploy, health = require "deploy", require "health"

local silence = health.silence { match = { env = params.env }, lasts = params.lasts, why = params.version .. " is brought there" }
on_rollback("alerts reach people again", function() health.unsilence { id = silence.id } end)

step("bring " .. params.version .. " to " .. params.env, function()
  deploy.release { env = params.env, version = params.version }
  deploy.activate { env = params.env }
end)

step("watch " .. params.env, function()
  health.wait { env = params.env, timeout = "1m", every = "1s" }
  health.watch { env = params.env, during = params.watch, every = params.every, slo = { error_rate = "< 1%", p99_latency = "< 200ms" } }
  -- Alertmanager hears later than Prometheus that an alert has ended.
  wait { title = "no alert fires", every = "1s", timeout = "2m", until_ = function() return #health.alerts { env = params.env }.alerts == 0 end }
end)

health.unsilence { id = silence.id }
