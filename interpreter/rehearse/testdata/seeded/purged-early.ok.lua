-- The cache is told to forget before the new version serves, and fills again with the old one.
runbook { name = "publish-docs", locks = { "deploy/docs" }, on_failure = "stop" }
local deploy, exec, health = require "deploy", require "exec", require "health"
deploy.release { env = "docs", version = "v3" }
deploy.activate { env = "docs" }
health.watch { env = "docs", during = "10m", every = "5m", slo = { error_rate = "< 1%" } }
exec.run { argv = { "aws", "cloudfront", "create-invalidation", "--distribution-id", "E1", "--paths", "/*" }, class = "write", recovery = "retry" }
