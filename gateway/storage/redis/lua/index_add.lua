-- KEYS ends, order   ARGV member, ttl_ms, limit, now, ends_at
--   ends   zset member => Unix seconds at which it ends;  order  zset member => place in the line
-- => member that fell out...
local ends, order = KEYS[1], KEYS[2]
for _, name in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', ARGV[4])) do
  redis.call('ZREM', ends, name)
  redis.call('ZREM', order, name)
end
local last = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')
redis.call('ZADD', ends, ARGV[5], ARGV[1])
redis.call('ZADD', order, tonumber(last[2] or 0) + 1, ARGV[1])
local over = redis.call('ZCARD', order) - tonumber(ARGV[3])
local fallen = {}
if over > 0 then
  fallen = redis.call('ZRANGE', order, 0, over - 1)
  redis.call('ZREM', ends, unpack(fallen))
  redis.call('ZREM', order, unpack(fallen))
end
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return fallen
