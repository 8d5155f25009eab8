-- A holder says what arrived and leases its share of the fleet's rate. The same as admission/rate_share.cc.
-- KEYS[1] holder -> "at critical normal sheddable" (microseconds, requests a second); KEYS[2] the governor's record
-- ARGV holder critical normal sheddable
-- Answers {0} while no ceiling is published, else {1, critical, normal, sheddable, spare}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mine = {tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.6f %.6f %.6f', now, mine[1], mine[2], mine[3]))
redis.call('PEXPIRE', KEYS[1], 10000)

local demands = {}
local asked = {0, 0, 0}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at, c, n, s = string.match(all[i + 1], '^(%S+) (%S+) (%S+) (%S+)$')
  if tonumber(at) and tonumber(c) and tonumber(n) and tonumber(s) and now - at <= 2000000 then
    local demand = {tonumber(c), tonumber(n), tonumber(s)}
    demands[#demands + 1] = demand
    for k = 1, 3 do asked[k] = asked[k] + demand[k] end
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end

local record = redis.call('HMGET', KEYS[2], 'ceiling', 'critical', 'normal', 'sheddable')
if record[1] ~= '1' then return {0} end
local rates = {tonumber(record[2]) or 0, tonumber(record[3]) or 0, tonumber(record[4]) or 0}
local left = rates[1] + rates[2] + rates[3]
local given = {0, 0, 0}
local function give(k, most)
  local part = math.max(0, math.min(asked[k] - given[k], most, left))
  given[k] = given[k] + part
  left = left - part
end
give(1, left)
give(2, rates[2])
give(3, rates[3])
give(2, left)
give(3, left)

local answer = {1}
for k = 1, 3 do
  local least = 0.05 * asked[k] / #demands
  local sum = 0
  for _, demand in ipairs(demands) do sum = sum + math.max(demand[k], least) end
  local part = 0
  if sum > 0 then part = given[k] * math.max(mine[k], least) / sum end
  answer[k + 1] = string.format('%.6f', part)
end
answer[5] = string.format('%.6f', math.max(0, left) / #demands)
return answer
