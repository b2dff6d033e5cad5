-- What holds for all runbooks here: service levels, alerts, who is called when,
-- and when changes may be made. Change it to what your organisation agreed on.

local policy = {}

-- What a version has to meet to take traffic.
policy.slo = { p99_latency = "< 200ms", error_rate = "< 0.1%", uptime = "> 99.9%" }

-- Beyond these an alert is critical, or a warning: rules for health.evaluate. A gate
-- breaks beyond its slo and says what is beyond its warning, so that it is given both.
policy.critical = { error_rate = "<= 1%", p99_latency = "<= 500ms", uptime = ">= 99.5%" }
policy.warning  = { error_rate = "<= 0.5%", p99_latency = "<= 300ms", uptime = ">= 99.9%" }
-- The same of what systems are used up by. Gates need these metrics as queries of
-- the configuration, so that they are asked for one by one.
policy.saturation = {
  critical = { cpu_usage = "<= 90%", memory_usage = "<= 95%" },
  warning  = { cpu_usage = "<= 80%", memory_usage = "<= 85%" },
}

-- both returns thresholds of two tables as those of one gate.
function policy.both(one, other)
  local all = {}
  for metric, bound in pairs(one) do all[metric] = bound end
  for metric, bound in pairs(other) do all[metric] = bound end
  return all
end

-- Who is called, one after the other, and how long each has to answer. The
-- names are services of the pager in the configuration.
policy.levels = {
  P0 = { { to = "on-call", wait = "15m" }, { to = "engineering-manager", wait = "30m" }, { to = "executive", wait = "1h" } },
  P1 = { { to = "on-call", wait = "30m" }, { to = "team-lead", wait = "30m" } },
  P2 = { { to = "team-lead", wait = "2h" }, { to = "engineering-manager", wait = "2h" } },
  P3 = { { to = "engineering-team", wait = "24h" }, { to = "team-lead", wait = "24h" } },
}
-- How often it is looked whether they have answered: the longer they have, the
-- more rarely, for each look stands in the record.
policy.looks = { P0 = "15s", P1 = "30s", P2 = "1m", P3 = "5m" }
-- What a class of security incident means, for those who are called.
policy.means = { P0 = "critical: a breach, access or malware in production", P1 = "high: suspicious activity, or what may be exploited", P2 = "medium: against policy, unusual, or not critical" }
policy.severity = { P0 = "critical", P1 = "error", P2 = "warning", P3 = "info" }

-- When changes may be made, and how long that takes at most.
policy.windows = { weekly = "Sun 02:00-04:00 UTC", monthly = "first Sun 01:00-05:00 UTC" }
policy.longest = { weekly = "2h", monthly = "4h" }
policy.freezes = {}
-- Who agrees to go on where a window has closed and not all is done, and how long
-- they have to: what nobody agreed to by then is taken back.
policy.overrun = { by = { "engineering-manager" }, timeout = "30m" }

-- Who agrees to a change outside of every window, by its reason.
policy.emergency = { ["security patch"] = "security-lead", ["critical bug fix"] = "engineering-manager" }

return policy
