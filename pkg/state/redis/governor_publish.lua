-- Makes a governor record the current one unless a newer one was published before.
-- KEYS[1] the record; KEYS[2] epoch and seq of the newest ever, which outlives it
-- ARGV ttl_ms epoch seq ceiling critical normal sheddable quota_factor ready mean_connections capacity_per_pod
-- Answers {1}, or {0, epoch, seq} of what is newer.
local newest = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
local epoch, seq = tonumber(newest[1]), tonumber(newest[2])
if epoch and seq then
  local mine, number = tonumber(ARGV[2]), tonumber(ARGV[3])
  if mine < epoch or (mine == epoch and number <= seq) then return {0, newest[1], newest[2]} end
end
redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'seq', ARGV[3])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'seq', ARGV[3], 'ceiling', ARGV[4], 'critical', ARGV[5],
  'normal', ARGV[6], 'sheddable', ARGV[7], 'quota_factor', ARGV[8], 'ready', ARGV[9],
  'mean_connections', ARGV[10], 'capacity_per_pod', ARGV[11])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {1}
