-- KEYS ends, order   ARGV now   => member..., oldest first, without those that have ended
local living = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')) do
  living[name] = true
end
local listed = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if living[name] then
    listed[#listed + 1] = name
  end
end
return listed
