-- The first hosts have the new content, and the gate looks at the others: on 19 July 2024 nobody looked either (CrowdStrike: Root cause analysis of Channel File 291).
runbook { name = "content", locks = { "sensor/content" }, on_failure = "stop" }
local health, hosts = require "health", require "hosts"
health.check { env = "canaries" }
health.check { env = "fleet" }
hosts.copy { on = { "canary" }, text = "291", to = "/opt/sensor/content" }
health.watch { env = "fleet", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
hosts.copy { on = { "sensor", "!canary" }, text = "291", to = "/opt/sensor/content" }
health.watch { env = "fleet", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
