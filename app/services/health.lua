-- The circuits of all workers: takes what one of them saw since it last asked, answers what is known now.
-- The same arithmetic as app/domain/circuits.py, in milliseconds of the server's clock.
--
-- KEYS[1]: the index, a sorted set of everybody that more is known of than that they work, by when that is
-- forgotten. The circuit of each is a hash under the index's name and its own.
-- ARGV[1]: the time in milliseconds (empty: the server's). Then seven values for each change:
--   id, reset ('', 'ok': a success, 'close': close it whatever was), failures in a row since then,
--   milliseconds to be left alone, '1' to open it now, the kind of the last failure, its label
-- Answers: the ids that this opened, then for each circuit: id, failures, openings, milliseconds until it
-- may be probed, milliseconds to be left alone, milliseconds since it recovered (-1: it did not), kind, label.

local FAILURES_TO_OPEN, OPEN_MS, MOST_OPEN_MS, MOST_COOLING_MS = 5, 30000, 300000, 60000
local FAILING_MS, ABANDONED_MS, RECOVERED_MS, MOST_ROWS = 60000, 600000, 120000, 2000
local CHANGE = 7
local index = KEYS[1]

local function time_ms()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = time_ms()

local function whole(number)
  return string.format('%.0f', number)
end

local function read(id)
  local row = redis.call('HMGET', index .. ':' .. id, 'failures', 'openings', 'open', 'cool', 'closed', 'error', 'label')
  return {
    failures = tonumber(row[1] or '0'), openings = tonumber(row[2] or '0'), open = tonumber(row[3] or '0'),
    cool = tonumber(row[4] or '0'), closed = tonumber(row[5] or '-1'), error = row[6] or '', label = row[7] or ''
  }
end

local function kept_until(circuit)
  local until_ms = circuit.cool
  if circuit.openings > 0 then until_ms = math.max(until_ms, circuit.open + ABANDONED_MS) end
  if circuit.failures > 0 then until_ms = math.max(until_ms, now + FAILING_MS) end
  if circuit.closed >= 0 then until_ms = math.max(until_ms, circuit.closed + RECOVERED_MS) end
  return until_ms
end

local function write(id, circuit)
  local key, until_ms = index .. ':' .. id, kept_until(circuit)
  if until_ms <= now then
    redis.call('DEL', key)
    redis.call('ZREM', index, id)
    return
  end
  redis.call('HSET', key, 'failures', whole(circuit.failures), 'openings', whole(circuit.openings),
    'open', whole(circuit.open), 'cool', whole(circuit.cool), 'closed', whole(circuit.closed),
    'error', circuit.error, 'label', circuit.label)
  redis.call('PEXPIRE', key, whole(until_ms - now))
  redis.call('ZADD', index, whole(until_ms), id)
end

local function close(circuit)
  if circuit.openings > 0 then circuit.closed = now end
  circuit.failures, circuit.openings, circuit.open, circuit.error = 0, 0, 0, ''
end

local function open(circuit)
  circuit.openings = circuit.openings + 1
  circuit.open = now + math.min(OPEN_MS * 2 ^ math.min(circuit.openings - 1, 10), MOST_OPEN_MS)
  return circuit.openings == 1
end

local function is_open(circuit)
  return circuit.openings > 0 and now < circuit.open
end

local function fail(circuit, failures)
  circuit.failures = circuit.failures + failures
  if is_open(circuit) then return false end
  if circuit.openings == 0 and circuit.failures < FAILURES_TO_OPEN then return false end
  return open(circuit)
end

local function change(id, reset, failures, cool, opens, error, label)
  local circuit, opened = read(id), false
  if reset == 'close' or (reset == 'ok' and not is_open(circuit)) then close(circuit) end
  if cool > 0 then circuit.cool = math.max(circuit.cool, now + math.min(cool, MOST_COOLING_MS)) end
  if error ~= '' then circuit.error = error end
  if label ~= '' then circuit.label = label end
  if failures > 0 then opened = fail(circuit, failures) end
  if opens == '1' and circuit.openings == 0 then opened = open(circuit) end
  write(id, circuit)
  return opened
end

local opened = {}
for at = 2, #ARGV, CHANGE do
  local id, failures, cool = ARGV[at], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if change(id, ARGV[at + 1], failures, cool, ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]) then
    table.insert(opened, id)
  end
end

local answer = {opened}
redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now))
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, MOST_ROWS - 1)) do
  local circuit = read(id)
  local since = circuit.closed >= 0 and now - circuit.closed or -1
  table.insert(answer, {id, circuit.failures, circuit.openings, math.max(0, circuit.open - now),
    math.max(0, circuit.cool - now), since, circuit.error, circuit.label})
end
return answer
