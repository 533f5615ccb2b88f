-- KEYS record, lease   ARGV version, owner, next_try, definite
local stored = redis.call('HGET', KEYS[1], 'ver')
local current = stored and tonumber(stored) == tonumber(ARGV[1])
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[2] then
  -- A primary that took over has forgotten our intent along with our lease: the doubt must not be forgotten too.
  if current and ARGV[4] == '0' and redis.call('HEXISTS', KEYS[1], 'intent') == 0 then
    redis.call('HSET', KEYS[1], 'intent', 0)
  end
  return false
end
redis.call('DEL', KEYS[2])
if not current then
  return false
end
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[1], 'intent')
end
redis.call('HSET', KEYS[1], 'next', ARGV[3])
return redis.call('HINCRBY', KEYS[1], 'fails', 1)
