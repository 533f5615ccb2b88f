-- KEYS bucket...   ARGV now, (burst, period, cost)...
-- Generic cell rate algorithm (ITU-T I.371): each bucket is its next arrival, in seconds. All or none.
local TOLERANCE = 1e-6  -- Unix time in a double is good to a quarter of this
local now = tonumber(ARGV[1])
local arrivals, wait = {}, 0
for i, key in ipairs(KEYS) do
  local burst, period, cost = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local stored = math.max(tonumber(redis.call('GET', key) or ARGV[1]), now)
  -- A full bucket is one period ahead. Two are no replica's skew but a clock that was set back, and that must not
  -- lock anybody out until it catches up: the bucket begins anew.
  if stored > now + 2 * period then
    stored = now
  end
  -- A cost below 0 gives back; what is given back beyond what was taken is no credit.
  arrivals[i] = math.max(stored + period / burst * cost, now)
  wait = math.max(wait, arrivals[i] - now - period)
end
if wait > TOLERANCE then
  return string.format('%.17g', wait)
end
for i, key in ipairs(KEYS) do
  local full = math.ceil((arrivals[i] - now) * 1000) + 1000
  redis.call('SET', key, string.format('%.17g', arrivals[i]), 'PX', string.format('%d', full))
end
return '0'
