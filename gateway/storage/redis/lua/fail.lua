-- KEYS record, lease   ARGV version, owner, next_try, definite
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[2] then
  return false
end
redis.call('DEL', KEYS[2])
local stored = redis.call('HGET', KEYS[1], 'ver')
if not stored or tonumber(stored) ~= tonumber(ARGV[1]) then
  return false
end
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[1], 'intent')
end
redis.call('HSET', KEYS[1], 'next', ARGV[3])
return redis.call('HINCRBY', KEYS[1], 'fails', 1)
