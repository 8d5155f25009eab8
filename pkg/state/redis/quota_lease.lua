-- One principal's token bucket under one limit: settle, refill, lease.
-- KEYS[1] the bucket: t tokens, n tokens of the nominal bucket, at (microseconds). A missing key is a full bucket.
-- ARGV rate burst nominal_rate nominal_burst need want back debt spent
-- Answers {granted, tokens left, nominal tokens left, microseconds until the next token}.
local rate, burst, nominal_rate, nominal_burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local need, want, back = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local debt, spent = tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = redis.call('HMGET', KEYS[1], 't', 'n', 'at')
local elapsed = math.max(0, now - (tonumber(stored[3]) or now)) / 1000000

local function refilled(tokens, per_second, most)
  return math.min(most, (tonumber(tokens) or most) + per_second * elapsed + back)
end
local tokens = math.max(0, refilled(stored[1], rate, burst) - debt)
local nominal = math.max(0, refilled(stored[2], nominal_rate, nominal_burst) - debt - spent)

local left = math.floor(tokens + 1e-6)
local granted = math.min(left, math.max(need, math.min(want, math.floor(left / 2))))
tokens = math.max(0, tokens - granted)
nominal = math.max(0, nominal - granted)

local function seconds_until(missing, per_second)
  if missing <= 0 then return 0 end
  return math.min(86400, missing / math.max(per_second, 1e-9))
end
local full = math.max(seconds_until(burst - tokens, rate), seconds_until(nominal_burst - nominal, nominal_rate))
redis.call('HSET', KEYS[1], 't', string.format('%.6f', tokens), 'n', string.format('%.6f', nominal),
  'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', full * 1000 + 1000))
return {granted, string.format('%.6f', tokens), string.format('%.6f', nominal),
  string.format('%.0f', seconds_until(1 - tokens, rate) * 1000000)}
