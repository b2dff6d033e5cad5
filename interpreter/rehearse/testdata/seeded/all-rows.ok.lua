runbook { name = "grant-campaign-rights", summary = "Let marketing users send campaigns", locks = { "db/crm" }, on_failure = "stop" }
local db = require "db"

local before = db.query { sql = "SELECT count(*) AS n FROM profiles WHERE org = $1 AND role = 'marketing'", params = { "acme" } }
log.info("profiles of marketing: " .. before.rows[1].n)
approve { title = "let marketing of acme send campaigns?", by = { "role:crm-owner" }, timeout = "2h" }
local done = db.exec { sql = "UPDATE profiles SET send_campaigns = true WHERE org = $1 AND role = 'marketing'", params = { "acme" }, recovery = "retry" }
log.info("changed " .. done.rows)
