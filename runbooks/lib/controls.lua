-- Controls that are looked at for GDPR and SOC 2. Those with a check are looked at by
-- a program; of the others people say how it is, and name the evidence. The articles
-- are those of Regulation (EU) 2016/679, the criteria those of the AICPA's Trust
-- Services Criteria (2017). Change the list to what your auditors agreed on.

local db, exec = require "db", require "exec"

-- backups are there, new enough, and the data is whole.
local function backups()
  local have = db.backups {}
  local newest
  for _, backup in ipairs(have.backups) do
    if not backup.damaged then newest = backup end
  end
  if not newest then fail "there is no backup of the database that is whole" end
  local age = now() - newest.ended
  if age > params.backup_age then fail(("the newest backup is %.0f hours old"):format(age / 3600)) end
  db.validate {}
end

-- record verifies the record of all runs, and that it is the one that this run is in:
-- a program that looks at another journal than the runner would find that one intact.
local function record()
  exec.run { argv = params.audit, class = "read", title = "verify the record of changes" }
  local this = {}
  for i, word in ipairs(params.audit) do this[i] = word end
  this[#this + 1] = run.id
  local seen = exec.run { argv = this, class = "read", ok = { 0, 2 }, title = "find this run in it" }
  if seen.code ~= 0 then
    fail "the record that was verified is not the one that this run is in; name its journal: --param audit=runbook,audit,verify,--db,FILE"
  end
end

return {
  gdpr = {
    { id = "Art. 5(1)(f), 32(1)(b)", text = "data is there and whole", check = backups },
    { id = "Art. 24, 5(2)", text = "changes to processing are recorded, and the record is intact", check = record },
    { id = "Art. 30", text = "the record of processing activities is up to date" },
    { id = "Art. 32(1)(a)", text = "personal data is encrypted at rest and in transit" },
    { id = "Art. 33", text = "a breach would be reported within 72 hours; the way was rehearsed" },
    { id = "Art. 17", text = "requests for erasure of the last quarter were carried out" },
  },
  soc2 = {
    { id = "A1.2", text = "backups are made, and can be restored", check = backups },
    { id = "CC8.1", text = "changes are recorded, and the record is intact", check = record },
    { id = "CC8.1", text = "changes of the quarter were agreed to by others than who made them" },
    { id = "CC6.1", text = "access to production was reviewed within the quarter" },
    { id = "CC6.7", text = "data is encrypted in transit" },
    { id = "CC7.2", text = "monitoring and alerting are in place, and alerts were answered" },
    { id = "CC7.4", text = "incidents of the quarter were closed with a report" },
    { id = "CC5.3", text = "the runbooks were reviewed within the quarter by the team that owns them" },
  },
}
