-- KEYS[1] the governor's record. Answers {0} when there is none, else {1, ms to live, its fields}.
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then return {0} end
local record = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ceiling', 'critical', 'normal', 'sheddable',
  'quota_factor', 'ready', 'mean_connections', 'capacity_per_pod')
table.insert(record, 1, ttl)
table.insert(record, 1, 1)
return record
