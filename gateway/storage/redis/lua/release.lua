-- KEYS ends, line, places, holders (as in reserve)   ARGV member
local entry = redis.call('HGET', KEYS[3], ARGV[1])
if not entry then
  return 0
end
local of = string.sub(entry, 1, string.find(entry, '\0', 1, true) - 1)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], entry)
redis.call('HDEL', KEYS[3], ARGV[1])
if tonumber(redis.call('ZINCRBY', KEYS[4], -1, of)) <= 0 then
  redis.call('ZREM', KEYS[4], of)
end
return 1
