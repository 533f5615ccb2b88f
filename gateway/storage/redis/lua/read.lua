-- KEYS record, beside...   ARGV field...
-- => {ver, field...}, {value...}: one script, so both are seen at one moment.
local record = redis.call('HMGET', KEYS[1], 'ver', unpack(ARGV))
local beside = {}
for i = 2, #KEYS do
  beside[i - 1] = redis.call('GET', KEYS[i])
end
return {record, beside}
