-- One address takes the ids of apps and of sites, and gets the wrong ones: so sites were deleted in April 2022 (Atlassian: Post-incident review).
runbook { name = "remove-app", locks = { "sites/removal" }, on_failure = "stop" }
local http = require "http"
local base, wanted = "https://admin.example.net/v2/entities/", { { site = "s-1", app = "a-1" }, { site = "s-2", app = "a-2" } }
for _, one in ipairs(wanted) do
  if http.request { url = base .. one.app }.json.kind ~= "app" then fail(one.app .. " is no app") end
end
http.request { url = "https://admin.example.net/v2/sites/s-1" }
for _, one in ipairs(wanted) do
  http.request { url = base .. one.site, method = "DELETE", recovery = "retry", ok = { 200, 204, 404 } }
end
