-- KEYS record   ARGV version, next_try
local stored = redis.call('HGET', KEYS[1], 'ver')
if not stored or tonumber(stored) ~= tonumber(ARGV[1]) then
  return false
end
redis.call('HSET', KEYS[1], 'next', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'fails', 1)
