-- The events move to topic events.v2; once producers are on it, the old topic goes.
runbook { name = "retire-topic", locks = { "kafka/events" }, on_failure = "stop" }
local deploy, exec, health = require "deploy", require "exec", require "health"

step("producers write to events.v2", function()
  deploy.release { env = "collector", version = "v31", set = { TOPIC = "events.v2" } }
  deploy.activate { env = "collector" }
  health.watch { env = "collector", during = "1m", every = "30s", slo = { error_rate = "< 0.1%" } }
end)
approve { title = "delete events.v1?", by = { "data-lead" } }
step("delete the old topic", function()
  exec.run { argv = { "kafka-topics", "--bootstrap-server", "kafka:9092", "--delete", "--topic", "events.v1" }, class = "irreversible" }
end)
