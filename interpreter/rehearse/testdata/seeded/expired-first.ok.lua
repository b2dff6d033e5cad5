-- Old backups go before the new one is made.
runbook { name = "weekly-backup", locks = { "db/ledger" }, on_failure = "stop" }
local db, exec = require "db", require "exec"
local function expire() exec.run { argv = { "pgbackrest", "--stanza=ledger", "expire", "--repo1-retention-full=1" }, class = "irreversible" } end
local made = db.backup { type = "full" }
db.restore { copy = "drill", backup = made.backup }
db.validate { copy = "drill" }
expire()
