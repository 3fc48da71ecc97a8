-- Renews the leases of one node's permits. One that was lost with the server's memory is there again.
--
-- KEYS: for each permit the set that it is in.
-- ARGV: microseconds of a lease, then the permits' ids.
local lease = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
for permit = 1, #KEYS do
  redis.call('ZADD', KEYS[permit], string.format('%.0f', now + lease), ARGV[1 + permit])
  redis.call('PEXPIRE', KEYS[permit], string.format('%.0f', math.ceil(lease / 1000)))
end
return #KEYS
