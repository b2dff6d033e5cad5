-- Compliance: each control of a standard is looked at, by a program where one can
-- tell and by people with evidence elsewhere. The run's record is what an auditor
-- gets: runbook audit export, and runbook report latest.
--
--   runbook run compliance.lua --param standard=soc2

runbook {
  name    = "compliance",
  summary = "Look at the controls of a standard, and keep the evidence",
  params  = {
    standard   = { type = "enum", values = { "gdpr", "soc2" }, required = true, doc = "which controls" },
    audit      = { type = "list", of = "string", default = { "runbook", "audit", "verify" }, min = 1, doc = "what verifies the record of all runs" },
    backup_age = { type = "duration", default = "24h", doc = "how old the newest backup may be" },
    officers   = { type = "list", of = "string", default = {}, doc = "who answers for the rest; anyone if empty" },
  },
  on_failure = "stop",
}

local controls = require "lib.controls"[params.standard]

-- One control that fails does not hide the others: all are looked at first.
local failed, left = {}, {}
for _, control in ipairs(controls) do
  local name = control.id .. ": " .. control.text
  if control.check then
    step(name, function()
      local ok, why = pcall(control.check)
      if not ok then
        failed[#failed + 1] = name .. ": " .. tostring(why)
        log.error(failed[#failed])
      end
    end)
  else
    left[#left + 1] = { text = name, evidence = true }
  end
end

if #failed > 0 then
  fail { message = #failed .. " of " .. #controls .. " controls do not hold: " .. table.concat(failed, "; "), hint = "mend them, and run again: what held is in the record" }
end

checklist { title = params.standard .. " controls", items = left, by = #params.officers > 0 and params.officers or nil, separate = true }
