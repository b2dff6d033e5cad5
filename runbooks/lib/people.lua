-- Telling and calling people.

local notify = require "notify"

local people = {}

-- tell sends a message to a channel; to none if its name is empty. A message
-- that cannot be sent stops nothing.
function people.tell(channel, text)
  if channel == "" then return end
  local sent, why = pcall(notify.send, { to = channel, text = text })
  if not sent then log.warn("nobody was told: " .. tostring(why)) end
end

return people
