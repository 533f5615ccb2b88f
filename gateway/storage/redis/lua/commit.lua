-- KEYS record, lease   ARGV seen_version, fence, owner, ttl_ms, number of removed fields, removed field..., (field, value)...
local stored = redis.call('HGET', KEYS[1], 'ver')
if not stored then
  return 'gone'
end
local version, seen = tonumber(stored), tonumber(ARGV[1])
-- The owner too: a primary that took over may have given the same fence out again.
local writer = ARGV[2] .. ' ' .. ARGV[3]
if version == seen + 1 and redis.call('HGET', KEYS[1], 'wf') == writer then
  return 'done' -- our own commit, whose reply was lost
end
if version ~= seen then
  return 'conflict'
end
local removed = tonumber(ARGV[5])
redis.call('HDEL', KEYS[1], 'intent', 'next', 'fails', unpack(ARGV, 6, 5 + removed))
redis.call('HSET', KEYS[1], 'ver', version + 1, 'wf', writer, unpack(ARGV, 6 + removed))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if redis.call('HGET', KEYS[2], 'owner') == ARGV[3] then
  redis.call('DEL', KEYS[2])
end
return 'done'
