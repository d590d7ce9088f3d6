#!lua name=yunpark_availability_v1

-- Availability computed where it is stored. The contract is docs/availability.md; the in-process engine keeps the same.
--
-- Keys of a partition share one hash tag:
--   meta     hash    epoch (this life of the partition), configured_at
--   lots     hash    lot -> record of its counts (read_lot)
--   changes  stream  lot, record, spaces that moved (one "space mark" a line)
--   lot:ID   hash    "s:SPACE", "l:LANE", "a" (absolute count) -> mark (read_mark)
-- Instants are microseconds since the Unix epoch: below 2^53, so a double holds them exactly. They are kept and handed on
-- as the text they came in, since a number of this size does not survive tostring().

local REFRESH_US = 1000000
local MAX_LANES = 64
local COUNT_OF = { f = 'free', o = 'occupied', u = 'unknown' }

-- Outcomes, one letter each.
local CHANGED, CONFIRMED, LATE, FUTURE, NOT_COUNTED = 'c', 'k', 'l', 'f', 'n'
local UNKNOWN_LOT, UNKNOWN_SPACE = 'L', 'S'

local function no_layout()
  return redis.error_reply('NOLAYOUT no city has been declared to this partition')
end

-- Marks: state (f o u, or - for a lane), out of service (0 1), newest observed_at; beginning of the present run of
-- sequence numbers; last sequence number; its session. Empty fields are absent.

local UNHEARD = 'u0;;;'

local function read_mark(text)
  local state, out, at, since, seq, session = string.match(text, '^(.)(%d)(%d*);(%d*);(%d*);(.*)$')
  return { state = state, out = out == '1', at = at, since = since, seq = seq, session = session }
end

local function write_mark(mark)
  return mark.state .. (mark.out and '1' or '0') .. mark.at .. ';' .. mark.since .. ';' .. mark.seq .. ';' .. mark.session
end

-- Sequence numbers have 64 bits, more than a double: compare their digits.
local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- The law of order (order.rs): takes a newer observation and returns true, leaves the mark alone for any other.
local function admit(mark, at, seq, session, reset_us)
  if mark.at == '' then
    mark.at, mark.since, mark.seq, mark.session = at, '', seq, session
    return true
  end
  local time, last = tonumber(at), tonumber(mark.at)
  local begins_run = true
  if seq ~= '' and mark.seq ~= '' and session == mark.session then
    if greater(seq, mark.seq) then
      if mark.since ~= '' and time < tonumber(mark.since) then return false end
      begins_run = false
    elseif time <= last + reset_us then
      return false
    end
  elseif time <= last then
    return false
  end
  if begins_run then mark.since = at end
  if time > last then mark.at = at end
  mark.seq, mark.session = seq, session
  return true
end

-- Lots: kind (s spaces, c counters), counts, version, newest observed_at, the observed_at last put in the stream, and for
-- counters the vehicles inside as counted and whether an absolute count has anchored them.

local function read_lot(text)
  local kind, capacity, free, occupied, unknown, out, version, at, published, raw, anchored = string.match(
    text, '^(.) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d*) (%d*) (%-?%d+) (%d)$')
  return {
    kind = kind, capacity = tonumber(capacity), free = tonumber(free), occupied = tonumber(occupied),
    unknown = tonumber(unknown), out = tonumber(out), version = tonumber(version), at = at, published = published,
    raw = tonumber(raw), anchored = anchored == '1',
  }
end

local function write_lot(lot)
  return string.format('%s %.0f %.0f %.0f %.0f %.0f %.0f %s %s %.0f %s', lot.kind, lot.capacity, lot.free, lot.occupied,
    lot.unknown, lot.out, lot.version, lot.at, lot.published, lot.raw, lot.anchored and '1' or '0')
end

-- What a reader is told, but for the version.
local function told(lot)
  return table.concat({ lot.capacity, lot.free, lot.occupied, lot.unknown, lot.out, lot.at }, ' ')
end

local function count_of(mark)
  return mark.out and 'out' or COUNT_OF[mark.state]
end

-- One place of the lot leaves one count for another, which may be the same.
local function move(lot, from, to)
  lot[from] = lot[from] - 1
  lot[to] = lot[to] + 1
end

local function count_vehicles(lot)
  if not lot.anchored then
    lot.free, lot.occupied, lot.unknown = 0, 0, lot.capacity
    return
  end
  lot.occupied = math.max(0, math.min(lot.raw, lot.capacity))
  lot.free, lot.unknown = lot.capacity - lot.occupied, 0
end

-- Appends a change; `spaces` are lines of "space mark", without what only the order needs.
local function publish(changes, length, id, lot, spaces)
  lot.published = lot.at
  redis.call('XADD', changes, 'MAXLEN', '~', length, '*', 'lot', id, 'is', write_lot(lot), 'spaces',
    table.concat(spaces, '\n'))
end

local function space_line(id, mark)
  return id .. ' ' .. mark.state .. (mark.out and '1' or '0') .. mark.at
end

-- One lot while a batch goes over it: read once, written once.

local function mark_of(touched, field)
  local mark = touched.marks[field]
  if mark == nil then
    local text = redis.call('HGET', touched.key, field)
    mark = text and read_mark(text) or false
    touched.marks[field] = mark
  end
  return mark
end

local function lanes_of(touched)
  if not touched.lanes then
    touched.lanes = 0
    for _, field in ipairs(redis.call('HKEYS', touched.key)) do
      if string.sub(field, 1, 2) == 'l:' then touched.lanes = touched.lanes + 1 end
    end
  end
  return touched.lanes
end

local function observe_space(touched, space, state, at, seq, session, reset_us)
  local lot, field = touched.lot, 's:' .. space
  local mark = mark_of(touched, field)
  if not admit(mark, at, seq, session, reset_us) then return LATE end
  touched.dirty[field] = true
  if mark.state == state then return CONFIRMED end
  local from = count_of(mark)
  mark.state = state
  local to = count_of(mark)
  move(lot, from, to)
  touched.moved[space] = mark
  return CHANGED
end

local function observe_passage(touched, lane, count, at, seq, session, reset_us)
  local lot, field, anchor = touched.lot, 'l:' .. lane, mark_of(touched, 'a')
  if anchor and tonumber(at) < tonumber(anchor.at) then return LATE end
  local mark = mark_of(touched, field)
  if not mark then
    local lanes = lanes_of(touched)
    if lanes >= MAX_LANES then return NOT_COUNTED end
    mark = read_mark('-0;;;')
    touched.marks[field], touched.lanes = mark, lanes + 1
  end
  if not admit(mark, at, seq, session, reset_us) then return LATE end
  touched.dirty[field] = true
  local before = lot.occupied
  lot.raw = lot.raw + tonumber(count)
  count_vehicles(lot)
  return lot.occupied == before and CONFIRMED or CHANGED
end

local function observe_count(touched, kind, count, at, seq, session, reset_us)
  local lot = touched.lot
  local mark = mark_of(touched, 'a') or read_mark('-0;;;')
  if not admit(mark, at, seq, session, reset_us) then return LATE end
  touched.marks['a'], touched.dirty['a'] = mark, true
  local before, was_unknown = lot.occupied, lot.unknown
  count = math.min(tonumber(count), lot.capacity)
  lot.raw = kind == 'f' and lot.capacity - count or count
  lot.anchored = true
  count_vehicles(lot)
  return lot.occupied == before and lot.unknown == was_unknown and CONFIRMED or CHANGED
end

-- One observation: `what` is its kind (s space, p passage, o occupied, f free) and its time (. plausible, F future, A
-- ancient).
local function observe(touched, what, subject, value, at, seq, session, reset_us)
  local kind, timing = string.sub(what, 1, 1), string.sub(what, 2, 2)
  if (kind == 's') ~= (touched.lot.kind == 's') then return NOT_COUNTED end
  if kind == 's' and not mark_of(touched, 's:' .. subject) then return UNKNOWN_SPACE end
  if timing == 'F' then return FUTURE end
  if timing == 'A' then return LATE end
  local outcome
  if kind == 's' then
    outcome = observe_space(touched, subject, value, at, seq, session, reset_us)
  elseif kind == 'p' then
    outcome = observe_passage(touched, subject, value, at, seq, session, reset_us)
  else
    outcome = observe_count(touched, kind, value, at, seq, session, reset_us)
  end
  local lot = touched.lot
  if outcome == CHANGED or outcome == CONFIRMED then
    touched.heard = true
    if lot.at == '' or tonumber(at) > tonumber(lot.at) then lot.at = at end
  end
  if outcome == CHANGED then
    touched.changed = true
    lot.version = lot.version + 1
  end
  return outcome
end

-- Writes a lot back, and tells followers if its counts moved or its age has moved by REFRESH_US.
local function settle(touched, lots, changes, length)
  if not touched.lot or not touched.heard then return end
  local lot = touched.lot
  local aged = lot.published == '' or tonumber(lot.at) - tonumber(lot.published) >= REFRESH_US
  if touched.changed or aged then
    local spaces = {}
    for space, mark in pairs(touched.moved) do spaces[#spaces + 1] = space_line(space, mark) end
    table.sort(spaces)
    publish(changes, length, touched.id, lot, spaces)
  end
  redis.call('HSET', lots, touched.id, write_lot(lot))
  local pairs_of = {}
  for field in pairs(touched.dirty) do
    pairs_of[#pairs_of + 1] = field
    pairs_of[#pairs_of + 1] = write_mark(touched.marks[field])
    if #pairs_of >= 1000 then
      redis.call('HSET', touched.key, unpack(pairs_of))
      pairs_of = {}
    end
  end
  if #pairs_of > 0 then redis.call('HSET', touched.key, unpack(pairs_of)) end
end

-- KEYS meta lots changes lot:ID...   ARGS stream length, reset_us, number of lots, their ids, then seven for each
-- observation: index of its lot, what, subject, value, at, seq, session.   -> one letter for each observation
local function apply(keys, args)
  local lots, changes = keys[2], keys[3]
  if not redis.call('HGET', keys[1], 'epoch') then return no_layout() end
  local length, reset_us, count = args[1], tonumber(args[2]), tonumber(args[3])
  local touched, outcomes = {}, {}
  for i = 1, count do
    local id = args[3 + i]
    local text = redis.call('HGET', lots, id)
    touched[i] = { id = id, key = keys[3 + i], lot = text and read_lot(text), marks = {}, dirty = {}, moved = {} }
  end
  for i = 4 + count, #args, 7 do
    local it = touched[tonumber(args[i])]
    outcomes[#outcomes + 1] = it.lot
      and observe(it, args[i + 1], args[i + 2], args[i + 3], args[i + 4], args[i + 5], args[i + 6], reset_us)
      or UNKNOWN_LOT
  end
  for i = 1, count do settle(touched[i], lots, changes, length) end
  return table.concat(outcomes)
end

-- KEYS meta lots changes lot:ID   ARGS stream length, lot, space, 0 or 1   -> an outcome's letter
local function set_out_of_service(keys, args)
  local lots, changes, key = keys[2], keys[3], keys[4]
  if not redis.call('HGET', keys[1], 'epoch') then return no_layout() end
  local length, id, space, out = args[1], args[2], args[3], args[4] == '1'
  local text = redis.call('HGET', lots, id)
  if not text then return UNKNOWN_LOT end
  local lot = read_lot(text)
  if lot.kind ~= 's' then return NOT_COUNTED end
  text = redis.call('HGET', key, 's:' .. space)
  if not text then return UNKNOWN_SPACE end
  local mark = read_mark(text)
  if mark.out == out then return CONFIRMED end
  local from = count_of(mark)
  mark.out = out
  local to = count_of(mark)
  move(lot, from, to)
  lot.version = lot.version + 1
  publish(changes, length, id, lot, { space_line(space, mark) })
  redis.call('HSET', lots, id, write_lot(lot))
  redis.call('HSET', key, 's:' .. space, write_mark(mark))
  return CHANGED
end

-- Declaring a city.

local function all(key)
  local flat, map = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local function recount(lot, key)
  if lot.kind == 'c' then
    lot.out = 0
    return count_vehicles(lot)
  end
  lot.free, lot.occupied, lot.out = 0, 0, 0
  for field, text in pairs(all(key)) do
    if string.sub(field, 1, 2) == 's:' then
      local count = count_of(read_mark(text))
      lot[count] = lot[count] + 1
    end
  end
  lot.unknown = lot.capacity - lot.free - lot.occupied - lot.out
end

local function fit_spaces(key, wanted)
  local known = all(key)
  for field in pairs(known) do
    if string.sub(field, 1, 2) == 's:' and not wanted[field] then redis.call('HDEL', key, field) end
  end
  for field in pairs(wanted) do
    if not known[field] then redis.call('HSET', key, field, UNHEARD) end
  end
end

-- KEYS meta lots changes   ARGS stream length, a fresh epoch, now, prefix of the lots' keys, then for each lot: id, kind,
-- capacity, number of spaces, the spaces.   -> the partition's epoch
-- A lot that comes or goes begins a new epoch, so that followers take a new snapshot; a lot that stays keeps its state.
local function configure(keys, args)
  local meta, lots, changes = keys[1], keys[2], keys[3]
  local length, fresh, now, prefix = args[1], args[2], args[3], args[4]
  local epoch = redis.call('HGET', meta, 'epoch')
  local known, renew, i = all(lots), not epoch, 5
  while i <= #args do
    local id, kind, capacity, count = args[i], args[i + 1], tonumber(args[i + 2]), tonumber(args[i + 3])
    local wanted, key = {}, prefix .. id
    for j = 1, count do wanted['s:' .. args[i + 3 + j]] = true end
    i = i + 4 + count
    local before = known[id]
    known[id] = nil
    local lot = before and read_lot(before)
    if not lot or lot.kind ~= kind then
      redis.call('DEL', key)
      renew = renew or not lot
      lot = read_lot(kind .. ' 0 0 0 0 0 ' .. string.format('%.0f', lot and lot.version or 0) .. '   0 0')
    end
    lot.capacity = capacity
    fit_spaces(key, wanted)
    recount(lot, key)
    if before and told(lot) ~= told(read_lot(before)) then
      lot.version = lot.version + 1
      publish(changes, length, id, lot, {})
    end
    redis.call('HSET', lots, id, write_lot(lot))
  end
  for id in pairs(known) do
    redis.call('HDEL', lots, id)
    redis.call('DEL', prefix .. id)
    renew = true
  end
  if renew then
    -- The marker keeps the stream from ever being empty: a snapshot's place in it is always an entry's.
    redis.call('XADD', changes, 'MAXLEN', '~', length, '*', 'epoch', fresh)
    epoch = fresh
  end
  redis.call('HSET', meta, 'epoch', epoch, 'configured_at', now)
  return epoch
end

-- Reading.

local function last_id(changes)
  local last = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1]
end

-- KEYS meta lots changes   -> epoch, id of the last change, lots as a flat list of id and record
local function snapshot(keys)
  local epoch, last = redis.call('HGET', keys[1], 'epoch'), last_id(keys[3])
  if not epoch or not last then return no_layout() end
  return { epoch, last, redis.call('HGETALL', keys[2]) }
end

-- KEYS meta lots lot:ID   ARGS lot   -> the lot's record, its fields and marks; nil if it is not in the city
local function lot(keys, args)
  if not redis.call('HGET', keys[1], 'epoch') then return no_layout() end
  local text = redis.call('HGET', keys[2], args[1])
  if not text then return false end
  return { text, redis.call('HGETALL', keys[3]) }
end

local function before(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return greater(b_ms, a_ms) end
  return greater(b_n, a_n)
end

-- KEYS meta changes   ARGS epoch, id, most entries   -> entries after the id; nil if the id is of another life or too old
local function changes_after(keys, args)
  local epoch = redis.call('HGET', keys[1], 'epoch')
  if not epoch then return no_layout() end
  local first, last = redis.call('XRANGE', keys[2], '-', '+', 'COUNT', 1), last_id(keys[2])
  if not last then return no_layout() end
  if epoch ~= args[1] or before(args[2], first[1][1]) or before(last, args[2]) then return false end
  if args[2] == last then return {} end
  return redis.call('XRANGE', keys[2], '(' .. args[2], '+', 'COUNT', args[3])
end

redis.register_function('yunpark_apply_v1', apply)
redis.register_function('yunpark_out_of_service_v1', set_out_of_service)
redis.register_function('yunpark_configure_v1', configure)
redis.register_function { function_name = 'yunpark_snapshot_v1', callback = snapshot, flags = { 'no-writes' } }
redis.register_function { function_name = 'yunpark_lot_v1', callback = lot, flags = { 'no-writes' } }
redis.register_function { function_name = 'yunpark_changes_v1', callback = changes_after, flags = { 'no-writes' } }
