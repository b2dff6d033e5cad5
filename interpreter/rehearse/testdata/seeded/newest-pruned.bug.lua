-- The bucket of backups is full: keep the last three, drop the older ones.
runbook { name = "prune-backups", locks = { "db/shop" }, on_failure = "stop" }
local db, exec = require "db", require "exec"

local backups = db.backups {}.backups
if #backups <= 3 then log.info("nothing to prune") end
for n = 4, #backups do
  step("drop " .. backups[n].name, function()
    exec.run { argv = { "aws", "s3", "rm", "s3://shop-backups/" .. backups[n].name }, class = "write", recovery = "retry" }
  end)
end
