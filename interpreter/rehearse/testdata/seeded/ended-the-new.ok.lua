runbook { name = "ended-the-new", summary = "Rotate the key", on_failure = "stop", locks = { "secrets/api-key" } }
local secrets, exec = require "secrets", require "exec"
local made = step("rotate", function() return secrets.rotate { name = "api-key" } end)
step("hand over", function()
  exec.run { argv = { "./hand-over.sh", "api-key" }, class = "write", recovery = "retry" }
end)
step("end the old one", function()
  if made.previous then secrets.revoke { name = "api-key", version = made.previous } end
end)
