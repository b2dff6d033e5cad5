-- Database recovery: a backup is restored beside the live data, to a moment;
-- verified; and, once people have seen what would be lost, put in its place. The
-- data that was live stays as a copy, and is what a rollback goes back to.
--
--   runbook run recover-database.lua --param time=2026-11-27T01:40:00Z

runbook {
  name    = "recover-database",
  summary = "Restore a database to a moment, verify it, and put it in place",
  params  = {
    db      = { type = "string", default = "", doc = "which database; the configured one if empty" },
    time    = { type = "string", default = "", doc = "the moment to restore to: 2026-11-27T01:40:00Z; the newest that the log has if empty" },
    checks  = { type = "list", of = "string", default = {}, doc = "statements that have to return true of the copy" },
    by      = { type = "list", of = "string", default = {}, doc = "who agrees to put it in place; anyone if empty" },
    channel = { type = "string", default = "incidents", doc = "where to tell people; empty tells nobody" },
    restore_timeout  = { type = "duration", default = "4h", doc = "bounds the restore" },
    validate_timeout = { type = "duration", default = "1h", doc = "bounds each verification" },
  },
  locks      = { "db/main" },
  on_failure = "rollback",
}

local db, tell = require "db", require "lib.people".tell

local name = params.db ~= "" and params.db or nil
local moment = params.time ~= "" and time.parse(params.time) or nil
local copy = "recovered-" .. time.format(now(), "%Y%m%d-%H%M%S")
local checks = {}
for i, sql in ipairs(params.checks) do checks["check " .. i] = sql end

step("see what can be restored", function()
  local have = db.backups { db = name }
  local whole = 0
  for _, backup in ipairs(have.backups) do
    if not backup.damaged then whole = whole + 1 end
  end
  if whole == 0 then fail { message = "there is no backup that is whole", hint = "look at runbook docs db.backups, and at the backup's own log" } end
  if moment and have.earliest and (moment < have.earliest or moment > have.latest) then
    fail { message = params.time .. " cannot be restored", hint = "it can be from " .. time.format(have.earliest) .. " to " .. time.format(have.latest) }
  end
end)

local restored = step("restore beside the live data", function()
  return db.restore { db = name, copy = copy, time = moment, timeout = params.restore_timeout }
end)

local verified = step("verify the copy", function()
  return db.validate { db = name, copy = copy, checks = checks, timeout = params.validate_timeout }
end)

-- What the people who agree have to know beside the moment.
local notes = {}
if moment and restored.time and restored.time < moment - 1 then
  notes[#notes + 1] = "the log ends there, before " .. params.time .. ", which was asked for"
end
if verified.again == false then
  notes[#notes + 1] = "in place only its checks can be looked at: " .. verified.detail
end
notes[#notes + 1] = "what was written since is only in the data that is live now"

local detail = copy .. " is of " .. (restored.time and time.format(restored.time) or "the end of its backup") .. "; " .. table.concat(notes, "; ")
print(detail)
approve {
  title  = "put the restored data in place?",
  by     = #params.by > 0 and params.by or nil,
  detail = detail,
}

step("put it in place", function()
  local swapped
  on_rollback("the data that was live", function()
    if swapped then db.swap { db = name, copy = swapped.kept } end
  end)
  swapped = db.swap { db = name, copy = copy, keep = "before-" .. copy }
end)

step("verify the live data", function()
  if verified.again ~= false then
    db.validate { db = name, checks = checks, timeout = params.validate_timeout }
    return
  end
  for _, sql in ipairs(params.checks) do
    local row, values = db.query { db = name, sql = sql, max_rows = 2, timeout = params.validate_timeout }.rows, {}
    for _, value in pairs(row[1] or {}) do values[#values + 1] = value end
    if #row ~= 1 or #values ~= 1 or not (values[1] == true or type(values[1]) == "number" and values[1] ~= 0) then
      fail { message = "the data that is live now does not pass " .. sql, hint = "the rollback puts back what was live before" }
    end
  end
end)

tell(params.channel, "the database was restored to " .. (restored.time and time.format(restored.time) or copy) .. "; before-" .. copy .. " holds what was live")
