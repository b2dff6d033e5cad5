runbook { name = "results", summary = "looks at what ops return", params = {
  behind = { type = "int", default = 500, doc = "milliseconds that a replica may be behind" }, most = { type = "duration", default = "5m", doc = "minutes, mostly" },
  seconds = { type = "int", default = 60, doc = "seconds; 60 is a minute, and not 60 minutes" } } }
local health, traffic = require "health", require "traffic"
local seen = health.measure { env = "green" }
if seen.p99_latency == nil or seen.p99_latency > 0.5 or seen.error_rate > 1 then fail "it is slow" end
seen.note = "fine"
log.info(seen.note)
local own = traffic.weights {}
own = { weights = {}, mine = own }
log.info(tostring(own.mine ~= nil))
local exec = require "exec"
local function earlier(a) return a ~= nil and exec.run { argv = { "date" }, class = "read" }.stdout < "b" end
log.info(tostring(earlier(nil)))
for name, value in pairs(seen) do log.info(name .. " " .. tostring(value)) end
-- Of one length each, so that the letters are in order too.
local function now_as(form) return exec.run { argv = { "date", form }, class = "read" }.stdout end
log.info(tostring(now_as("+%H") ~= ""))
local today = exec.run { argv = { "./last-backup" }, class = "read" }.stdout
if today ~= nil and (today < "20200101" or today >= "9999" or today < "007") then log.warn "of another time" end
local hour = exec.run { argv = { "date", "+%H" }, class = "read" }.stdout
if hour ~= nil and hour < "22" then log.info "not yet" end
-- Fields that the script sets by another name of the table, or in a function.
local deploy, hosts = require "deploy", require "hosts"
local function with_age(t) t.age = 1 return t end
local status = deploy.status { env = "shop" }
with_age(status)
log.info(tostring(status.age))
local second = deploy.status { env = "shop" }
local same = second
same.age = 2
log.info(tostring(second.age))
local listed = hosts.list { on = { "all" } }
for _, host in ipairs(listed.hosts or {}) do host.seen = true end
local db = require "db"
local behind = db.lag {}.lag
if behind and (behind * 1000 > params.behind or behind > params.most or behind > params.seconds) then fail "a replica is behind" end
