-- KEYS record   ARGV version, ttl_ms, number of removed fields, removed field..., (field, value)...
local stored = redis.call('HGET', KEYS[1], 'ver')
if not stored then
  return 'gone'
end
if tonumber(stored) ~= tonumber(ARGV[1]) then
  return 'conflict'
end
local removed = tonumber(ARGV[3])
if removed > 0 then
  redis.call('HDEL', KEYS[1], unpack(ARGV, 4, 3 + removed))
end
redis.call('HSET', KEYS[1], 'ver', tonumber(stored) + 1, unpack(ARGV, 4 + removed))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'done'
