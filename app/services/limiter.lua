-- Every limit of one call in one step, so that no two calls take the same room.
--
-- admit:   check all limiters; only if all have room count in all, so a refusal counts nowhere.
-- release: give the lease back and correct the tokens once the truth is known.
--
-- KEYS[1] is the workspace's configuration stamp, then one key per limiter.
-- ARGV: verb, the stamp that the caller's rows were read under (* for any), the call's id, the time in
-- milliseconds (empty: the server's), then three values per limiter:
--   admit:   window in milliseconds (0: calls under way at once), limit, what the call counts for
--   release: window, when it was counted, what to add to it
-- A window is two fixed buckets: the one under way, and the one before by the share that is still inside.
-- Numbers are written by %.0f: Lua's own notation of large ones is not a whole number's.

local LEASE_MS = 660000
local BUSY_MS = 1000
local verb, held, member, given = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local function whole(number)
  return string.format('%.0f', number)
end

local function time_ms()
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = time_ms()

local function read(key, window)
  local row = redis.call('HMGET', key, 'bucket', 'current', 'previous')
  local bucket, at = math.floor(now / window), tonumber(row[1] or '')
  if at == bucket then return bucket, tonumber(row[2]), tonumber(row[3]) end
  if at == bucket - 1 then return bucket, 0, tonumber(row[2]) end
  return bucket, 0, 0
end

local function write(key, window, bucket, current, previous)
  redis.call('HSET', key, 'bucket', whole(bucket), 'current', whole(current), 'previous', whole(previous))
  redis.call('PEXPIRE', key, whole(2 * window))
end

local function wait_for_room(limit, cost, window, current, previous)
  local room, passed = limit - cost, now % window
  if previous * (window - passed) <= (room - current) * window then return 0 end
  if current <= room then return math.ceil(window - (room - current) * window / previous) - passed end
  return window - passed + math.max(0, math.ceil(window - room * window / current))
end

local function wait_for(key, window, limit, cost)
  if window > 0 then
    local _, current, previous = read(key, window)
    return wait_for_room(limit, cost, window, current, previous)
  end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
  return redis.call('ZCARD', key) < limit and 0 or BUSY_MS
end

local function count(key, window, limit, cost)
  if window == 0 then
    redis.call('ZADD', key, whole(now + LEASE_MS), member)
    redis.call('PEXPIRE', key, whole(LEASE_MS))
    return limit - redis.call('ZCARD', key), 0
  end
  local bucket, current, previous = read(key, window)
  local passed = now % window
  write(key, window, bucket, current + cost, previous)
  local left = limit - current - cost - previous * (window - passed) / window
  return math.max(0, math.floor(left)), 2 * window - passed
end

local function correct(key, window, counted_at, delta)
  local bucket, current, previous = read(key, window)
  local age = bucket - math.floor(counted_at / window)
  if delta > 0 or age == 0 then
    write(key, window, bucket, math.max(0, current + delta), previous)
  elseif age == 1 then
    write(key, window, bucket, current, math.max(0, previous + delta))
  end
end

local function each(step)
  for number = 2, #KEYS do
    local first = 4 + 3 * (number - 2)
    step(number - 1, KEYS[number], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]))
  end
end

if verb == 'release' then
  each(function(_, key, window, counted_at, delta)
    if window == 0 then
      redis.call('ZREM', key, member)
    else
      correct(key, window, counted_at, delta)
    end
  end)
  return {}
end

if held ~= '*' and (redis.call('GET', KEYS[1]) or '') ~= held then
  return {'stale'}
end

local longest, fullest = 0, 0
each(function(number, key, window, limit, cost)
  local wait = wait_for(key, window, limit, cost)
  if wait > longest then longest, fullest = wait, number end
end)
if fullest > 0 then
  return {'full', now, fullest, longest}
end

local answer = {'counted', now}
each(function(_, key, window, limit, cost)
  local left, reset = count(key, window, limit, cost)
  table.insert(answer, left)
  table.insert(answer, reset)
end)
return answer
