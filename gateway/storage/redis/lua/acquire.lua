-- KEYS record, lease   ARGV seen_version, owner, ttl_ms, now
-- => {turn, fence, ambiguous}, or {'busy', remaining_ms}
local stored = redis.call('HGET', KEYS[1], 'ver')
if not stored then
  return {'gone'}
end
if tonumber(stored) > tonumber(ARGV[1]) then
  return {'newer'}
end
local held = redis.call('HMGET', KEYS[2], 'owner', 'fence', 'ambiguous')
if held[1] == ARGV[2] then
  return {'held', held[2], held[3]}
end
if held[1] then
  return {'busy', redis.call('PTTL', KEYS[2])}
end
if tonumber(redis.call('HGET', KEYS[1], 'next') or '0') > tonumber(ARGV[4]) then
  return {'backoff'}
end
-- An intent that is still there belongs to a holder that never told what came of its request.
local ambiguous = redis.call('HEXISTS', KEYS[1], 'intent')
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'intent', fence)
redis.call('HSET', KEYS[2], 'owner', ARGV[2], 'fence', fence, 'ambiguous', ambiguous)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'lead', fence, ambiguous}
