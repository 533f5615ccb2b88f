-- KEYS index (zset member => Unix seconds at which it ends)   ARGV member, ttl_ms, limit, now, ends_at
-- => member that fell out...
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[4])
redis.call('ZREM', KEYS[1], ARGV[1])
local ends = tonumber(ARGV[5])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) >= ends and tonumber(last) < ends + 1 then
  ends = tonumber(last) + 0.001 -- those of one instant stay in the order in which they came
end
redis.call('ZADD', KEYS[1], string.format('%.6f', ends), ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
local fallen = {}
if over > 0 then
  fallen = redis.call('ZRANGE', KEYS[1], 0, over - 1)
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return fallen
