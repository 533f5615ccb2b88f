-- KEYS record, beside   ARGV ttl_ms, value, beside_ttl_ms
-- PEXPIRE of what is gone does nothing and says 0: an ended session does not come back by its own activity.
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
