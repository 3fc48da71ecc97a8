-- One decision: takes a place in every set of permits and a request out of every window, or
-- nothing at all. All times are whole microseconds of this server's clock, below 2^53, where Lua's
-- numbers are exact.
--
-- KEYS: the sets of permits, then the windows.
-- ARGV: how many sets, how many windows, 1 to take or 0 to look, microseconds of a lease;
--       for each set its limit and the new permit's id;
--       for each window the microseconds of one request and the burst.
-- Answers: the place of the first key that refuses (0 for none), microseconds until it would not;
--       then for each set how many are out, for each window when it is full again.
local sets, windows, take, lease =
  tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function text(number) return string.format('%.0f', number) end

local answer = {0, 0}
local function refuse(place, wait)
  if answer[1] == 0 then answer[1], answer[2] = place, wait end
end

for set = 1, sets do
  -- A permit whose lease is over counts no more, whoever took it.
  local out = redis.call('ZCOUNT', KEYS[set], '(' .. text(now), '+inf')
  answer[2 + set] = out
  if out >= tonumber(ARGV[3 + 2 * set]) then refuse(set, 0) end
end

local full = {}
for window = 1, windows do
  local place = sets + window
  local interval, burst = tonumber(ARGV[3 + 2 * place]), tonumber(ARGV[4 + 2 * place])
  local at = tonumber(redis.call('GET', KEYS[place]) or '0')
  if at < now then at = now end
  -- After a shorter burst was configured, or the clock was set back, no window is emptier than empty.
  if at > now + burst * interval then at = now + burst * interval end
  local earliest = at - (burst - 1) * interval
  if now < earliest then refuse(place, earliest - now) end
  full[window] = at + interval
  answer[2 + place] = at - now
end

if not take or answer[1] > 0 then return answer end

for set = 1, sets do
  redis.call('ZREMRANGEBYSCORE', KEYS[set], '-inf', text(now))
  redis.call('ZADD', KEYS[set], text(now + lease), ARGV[4 + 2 * set])
  redis.call('PEXPIRE', KEYS[set], text(math.ceil(lease / 1000)))
  answer[2 + set] = answer[2 + set] + 1
end
for window = 1, windows do
  local key, left = KEYS[sets + window], full[window] - now
  redis.call('SET', key, text(full[window]), 'PX', text(math.ceil(left / 1000)))
  answer[2 + sets + window] = left
end
return answer
