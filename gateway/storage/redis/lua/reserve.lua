-- KEYS ends, line, places, holders   ARGV holder, member, ttl_ms, ceiling, now, ends_at
--   ends     zset member => Unix seconds at which its place ends
--   line     zset, all scores 0, of "holder NUL sequence NUL member": lexical order finds a holder's oldest place
--   places   hash member => its entry in line; the empty member counts the sequence
--   holders  zset holder => number of places
-- => admitted (0 or 1), evicted member...
local EXPIRED_AT_ONCE = 100
local EVICTED_AT_ONCE = 16  -- more than one only after the ceiling was lowered
local ends, line, places, holders = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local holder, member, ceiling = ARGV[1], ARGV[2], tonumber(ARGV[4])

local function drop(name)
  local entry = redis.call('HGET', places, name)
  local of = string.sub(entry, 1, string.find(entry, '\0', 1, true) - 1)
  redis.call('ZREM', ends, name)
  redis.call('ZREM', line, entry)
  redis.call('HDEL', places, name)
  if tonumber(redis.call('ZINCRBY', holders, -1, of)) <= 0 then
    redis.call('ZREM', holders, of)
  end
end

local function keep(key)
  if redis.call('PTTL', key) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', key, ARGV[3])
  end
end

local function keep_all()
  keep(ends) keep(line) keep(places) keep(holders)
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', ARGV[5], 'LIMIT', 0, EXPIRED_AT_ONCE)) do
  drop(name)
end
if redis.call('HEXISTS', places, member) == 1 then
  redis.call('ZADD', ends, ARGV[6], member)
  keep_all()
  return {1}
end
local evicted = {}
while redis.call('ZCARD', ends) >= ceiling do
  local heaviest = redis.call('ZREVRANGE', holders, 0, 0, 'WITHSCORES')
  local own = tonumber(redis.call('ZSCORE', holders, holder) or 0)
  if #heaviest == 0 or own >= tonumber(heaviest[2]) or #evicted == EVICTED_AT_ONCE then
    return {0, unpack(evicted)}
  end
  local first = redis.call('ZRANGEBYLEX', line, '[' .. heaviest[1] .. '\0', '+', 'LIMIT', 0, 1)[1]
  local name = string.sub(first, #heaviest[1] + 19)  -- past holder, NUL, 16 digits, NUL
  drop(name)
  evicted[#evicted + 1] = name
end
local entry = holder .. '\0' .. string.format('%016d', redis.call('HINCRBY', places, '', 1)) .. '\0' .. member
redis.call('ZADD', ends, ARGV[6], member)
redis.call('ZADD', line, 0, entry)
redis.call('HSET', places, member, entry)
redis.call('ZINCRBY', holders, 1, holder)
keep_all()
return {1, unpack(evicted)}
