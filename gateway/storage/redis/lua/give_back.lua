-- KEYS record, lease   ARGV owner, definite
if redis.call('HGET', KEYS[2], 'owner') == ARGV[1] then
  redis.call('DEL', KEYS[2])
  if ARGV[2] == '1' then
    redis.call('HDEL', KEYS[1], 'intent')
  end
end
return redis.status_reply('OK')
