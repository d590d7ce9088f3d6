#!lua name=yunpark_availability_v2

-- Availability computed where it is stored. The contract is docs/availability.md; the in-process engine keeps the same.
--
-- Keys of a partition share one hash tag:
--   meta     hash    epoch (this life of the partition), configured_at
--   lots     hash    lot -> record of its counts
--   changes  stream  lot, record, spaces that moved; the trail of what moved it, where that is followed
--   due      zset    lots by the instant at which time alone may move them
--   lot:ID   hash    "s:SPACE", "l:LANE" (passages), "t:i:LANE", "t:o:LANE" (running totals), "a" (absolute count) -> mark
-- Records and marks are MessagePack arrays. What stands behind the last element known here is a later release's and is kept.
-- Instants are microseconds since the Unix epoch, below 2^53, so a double holds them exactly; 0 is none. Sequence numbers
-- have 64 bits, more than a double, and are digits.

-- There is no cmsgpack yet while the library loads.
local function pack(value) return cmsgpack.pack(value) end
local function unpack_one(text) return (cmsgpack.unpack(text)) end

local REFRESH_US = 1000000
local MAX_LANES = 64
local CHUNK = 500
local NEVER = 9007199254740992
local FARTHEST = 1125899906842624
local WORD = 4294967296

-- Outcomes, one letter each.
local CHANGED, CONFIRMED, LATE, FUTURE, NOT_COUNTED, QUARANTINED = 'c', 'k', 'l', 'f', 'n', 'q'
local UNKNOWN_LOT, UNKNOWN_SPACE = 'L', 'S'

-- A lot's record. The four counts stand together; a group has the same four after its letter and capacity.
local KIND, MIXED, CAPACITY, FREE, OCCUPIED, UNKNOWN, OUT = 1, 2, 3, 4, 5, 6, 7
local RESERVED, CLOSED, STALE, DEAD, VERSION, AT, PUBLISHED, DUE = 8, 9, 10, 11, 12, 13, 14, 15
local RAW, ANCHORED, PASSAGES, DRIFT, HAS_DRIFT, DRIFT_PASSAGES, DRIFT_SPAN = 16, 17, 18, 19, 20, 21, 22
local DRIFT_SUM, DRIFT_OVER, QUARANTINES, ACTED, PLACES, GROUPS = 23, 24, 25, 26, 27, 28
-- A record of the release before ends here.
local ENTERED = 29

-- A mark: newest observed_at; beginning of the present run of sequence numbers; last sequence number; its session. Then for
-- a space: the state that counts, the newest state said, service (0 in, 1 out, 2 reserved), freshness (0 live, 1 stale,
-- 2 dead), how far it was heard before its newest observed_at, when the state that counts last moved, limits of its silence
-- in seconds, letters of its groups. For a running total: its high and low 32 bits, whether it is known.
local M_AT, M_SINCE, M_SEQ, M_SESSION = 1, 2, 3, 4
local SHOWN, SAID, SERVICE, FRESH, LAG, MOVED, STALE_S, DEAD_S, LETTERS = 5, 6, 7, 8, 9, 10, 11, 12, 13
local HIGH, LOW, IS_KNOWN = 5, 6, 7

local COUNT_OF = { f = FREE, o = OCCUPIED, u = UNKNOWN }

local function no_layout()
  return redis.error_reply('NOLAYOUT no city has been declared to this partition')
end

local function greater(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- The law of order (order.rs): takes a newer observation and returns true, leaves the mark alone for any other.
local function admit(mark, at, seq, session, reset_us)
  local last = mark[M_AT]
  if last == 0 then
    mark[M_AT] = at
  else
    local begins_run = true
    if seq ~= '' and mark[M_SEQ] ~= '' and session == mark[M_SESSION] then
      if greater(seq, mark[M_SEQ]) then
        if at < mark[M_SINCE] then return false end
        begins_run = false
      elseif at <= last + reset_us then
        return false
      end
    elseif at <= last then
      return false
    end
    if begins_run then mark[M_SINCE] = at end
    if at > last then mark[M_AT] = at end
  end
  mark[M_SEQ], mark[M_SESSION] = seq, session
  return true
end

-- Spaces.

local function count_of(mark)
  if mark[SERVICE] ~= 0 then return OUT end
  if mark[FRESH] ~= 0 then return UNKNOWN end
  return COUNT_OF[mark[SHOWN]]
end

-- Lets the newest state count if the debounce interval is over.
local function settle_state(mark, now, debounce)
  if mark[SAID] == mark[SHOWN] or (debounce > 0 and now < mark[MOVED] + debounce) then return false end
  mark[SHOWN] = mark[SAID]
  if debounce > 0 then mark[MOVED] = now end
  return true
end

-- When time alone will next move a space.
local function due_of(mark, debounce)
  local due = NEVER
  if mark[SAID] ~= mark[SHOWN] then due = mark[MOVED] + debounce end
  local fresh = mark[FRESH]
  if mark[M_AT] == 0 or fresh == 2 then return due end
  local heard = mark[M_AT] - mark[LAG]
  if fresh == 0 and mark[STALE_S] > 0 then due = math.min(due, heard + mark[STALE_S] * 1000000) end
  if mark[DEAD_S] > 0 then due = math.min(due, heard + mark[DEAD_S] * 1000000) end
  return due
end

-- One place leaves one count for another.
local function shift(lot, mark, from, to)
  if from == to then return end
  if lot[KIND] == 's' then
    lot[from] = lot[from] - 1
    lot[to] = lot[to] + 1
  end
  if mark[LETTERS] ~= '' then
    for _, group in ipairs(lot[GROUPS]) do
      if string.find(mark[LETTERS], group[1], 1, true) then
        group[from - 1] = group[from - 1] - 1
        group[to - 1] = group[to - 1] + 1
      end
    end
  end
end

local function count_freshness(lot, before, after)
  if before == after then return end
  if before == 1 then lot[STALE] = lot[STALE] - 1 elseif before == 2 then lot[DEAD] = lot[DEAD] - 1 end
  if after == 1 then lot[STALE] = lot[STALE] + 1 elseif after == 2 then lot[DEAD] = lot[DEAD] + 1 end
end

-- Lets time pass over a space; true if what is told of it moved.
local function age(lot, mark, now, debounce)
  local from, fresh = count_of(mark), mark[FRESH]
  local moved = settle_state(mark, now, debounce)
  if mark[M_AT] ~= 0 and fresh ~= 2 then
    local silent = now - (mark[M_AT] - mark[LAG])
    if mark[DEAD_S] > 0 and silent >= mark[DEAD_S] * 1000000 then
      mark[FRESH], mark[SHOWN], mark[SAID] = 2, 'u', 'u'
      moved = true
    elseif fresh == 0 and mark[STALE_S] > 0 and silent >= mark[STALE_S] * 1000000 then
      mark[FRESH] = 1
      moved = true
    end
  end
  count_freshness(lot, fresh, mark[FRESH])
  shift(lot, mark, from, count_of(mark))
  return moved
end

-- Counters.

local function count_vehicles(lot)
  if lot[KIND] ~= 'c' then return end
  local out = math.min(lot[PLACES], lot[CAPACITY])
  local served = lot[CAPACITY] - out
  lot[OUT], lot[RESERVED] = out, out
  if lot[ANCHORED] == 0 then
    lot[FREE], lot[OCCUPIED], lot[UNKNOWN] = 0, 0, served
    return
  end
  lot[OCCUPIED] = math.max(0, math.min(lot[RAW], served))
  lot[FREE], lot[UNKNOWN] = served - lot[OCCUPIED], 0
end

local function pass(lot, signed)
  lot[RAW] = math.max(-FARTHEST, math.min(lot[RAW] + signed, FARTHEST))
  lot[PASSAGES] = math.min(lot[PASSAGES] + math.abs(signed), FARTHEST)
  lot[ENTERED] = math.min((lot[ENTERED] or 0) + math.max(signed, 0), FARTHEST)
end

-- An absolute count was taken, so long after the one before; the drift is noted (lot_memory.rs).
local function anchor(lot, inside, span)
  if lot[ANCHORED] == 1 then
    local drift = lot[RAW] - inside
    lot[DRIFT], lot[HAS_DRIFT], lot[DRIFT_PASSAGES], lot[DRIFT_SPAN] = drift, 1, lot[PASSAGES], math.max(span, 0)
    if lot[PASSAGES] > 0 then
      lot[DRIFT_SUM] = math.floor(lot[DRIFT_SUM] / 2) + math.min(math.abs(drift), 1099511627776) * 1000
      lot[DRIFT_OVER] = math.floor(lot[DRIFT_OVER] / 2) + lot[PASSAGES]
    end
  end
  lot[RAW], lot[ANCHORED], lot[PASSAGES], lot[ENTERED] = inside, 1, 0, 0
end

-- What a total has grown by, modulo its width; nil if it is too much to be told.
local function growth(mark, high, low, width)
  local grown_low, grown_high = low - mark[LOW], high - mark[HIGH]
  if width <= 32 then return grown_low % (2 ^ width) end
  if grown_low < 0 then grown_low, grown_high = grown_low + WORD, grown_high - 1 end
  if grown_high % (2 ^ (width - 32)) ~= 0 then return nil end
  return grown_low
end

-- One lot while a batch goes over it: read once, written once.

local function begin(id, key, text)
  return { id = id, key = key, lot = text and unpack_one(text), texts = {}, marks = {}, dirty = {}, moved = {},
    due = NEVER, written = false, told = false, changed = false }
end

local function mark_of(it, field)
  local mark = it.marks[field]
  if mark == nil then
    local text = it.texts[field]
    mark = text and unpack_one(text) or false
    it.marks[field] = mark
  end
  return mark
end

local function read_marks(it, fields)
  for first = 1, #fields, CHUNK do
    local last = math.min(first + CHUNK - 1, #fields)
    local texts = redis.call('HMGET', it.key, unpack(fields, first, last))
    for i = 1, last - first + 1 do it.texts[fields[first + i - 1]] = texts[i] end
  end
end

local function is_lane(field)
  local letter = string.sub(field, 1, 1)
  return letter == 'l' or letter == 't'
end

-- A lane's mark, new if it is not one too many.
local function lane_of(it, field)
  local mark = mark_of(it, field)
  if mark then return mark end
  if not it.lanes then
    it.lanes = 0
    for _, known in ipairs(redis.call('HKEYS', it.key)) do
      if is_lane(known) then it.lanes = it.lanes + 1 end
    end
  end
  if it.lanes >= MAX_LANES then return nil end
  mark = { 0, 0, '', '', 0, 0, 0 }
  it.marks[field], it.lanes = mark, it.lanes + 1
  return mark
end

-- Notes what became of a space that was heard, served or aged.
local function note_space(it, field, mark, debounce)
  it.dirty[field] = true
  local due = due_of(mark, debounce)
  if due < it.due then it.due = due end
end

local function observe_space(it, field, state, at, seq, session, received, limits)
  local lot, mark = it.lot, mark_of(it, field)
  local heard = mark[M_AT] - mark[LAG]
  if not admit(mark, at, seq, session, limits.reset) then return LATE end
  mark[LAG] = mark[M_AT] - math.max(heard, math.min(at, received))
  local from, fresh = count_of(mark), mark[FRESH]
  mark[FRESH], mark[SAID] = 0, state
  local moved = settle_state(mark, received, limits.debounce) or fresh ~= 0
  count_freshness(lot, fresh, 0)
  shift(lot, mark, from, count_of(mark))
  note_space(it, field, mark, limits.debounce)
  if not moved then return CONFIRMED end
  it.moved[field] = mark
  return CHANGED
end

local function observe_lane(it, kind, field, value, at, seq, session, limits)
  local lot, anchored = it.lot, mark_of(it, 'a')
  local is_before = anchored and at < anchored[M_AT]
  if kind == 'p' and is_before then return LATE end
  local mark = lane_of(it, field)
  if not mark then return NOT_COUNTED end
  if not admit(mark, at, seq, session, limits.reset) then return LATE end
  it.dirty[field], it.written = true, true
  if kind == 'p' then
    pass(lot, value)
    return CONFIRMED
  end
  local was_known = mark[IS_KNOWN] == 1
  if kind == 'b' then
    mark[IS_KNOWN] = value and 1 or 0
    if value then mark[HIGH], mark[LOW] = value[1], value[2] end
    return CONFIRMED
  end
  local grown = was_known and growth(mark, value[1], value[2], value[3])
  mark[HIGH], mark[LOW], mark[IS_KNOWN] = value[1], value[2], 1
  if not was_known or is_before then return CONFIRMED end
  if not grown or grown > limits.max_delta then
    lot[QUARANTINES] = lot[QUARANTINES] + 1
    return QUARANTINED
  end
  pass(lot, value[4] * grown)
  return CONFIRMED
end

local function observe_count(it, kind, count, at, seq, session, limits)
  local lot = it.lot
  local mark = mark_of(it, 'a') or { 0, 0, '', '' }
  local before = mark[M_AT]
  if not admit(mark, at, seq, session, limits.reset) then return LATE end
  it.marks['a'], it.dirty['a'] = mark, true
  count = math.min(count, lot[CAPACITY])
  anchor(lot, kind == 'f' and lot[CAPACITY] - count or count, mark[M_AT] - before)
  return CONFIRMED
end

-- One observation: `kind` is s space, p passage, t total, b baseline, o occupied, f free; `timing` is . plausible, F future,
-- A ancient.
local function observe(it, kind, timing, field, value, at, seq, session, received, limits)
  local lot = it.lot
  local is_space = kind == 's'
  local is_truth = is_space == (lot[KIND] == 's')
  if not is_truth and lot[MIXED] == 0 then return NOT_COUNTED end
  if is_space and not mark_of(it, field) then return UNKNOWN_SPACE end
  if timing == 'F' then return FUTURE end
  if timing == 'A' then return LATE end
  local outcome
  if is_space then
    outcome = observe_space(it, field, value, at, seq, session, received, limits)
  else
    local free, occupied, unknown = lot[FREE], lot[OCCUPIED], lot[UNKNOWN]
    if kind == 'o' or kind == 'f' then
      outcome = observe_count(it, kind, value, at, seq, session, limits)
    else
      outcome = observe_lane(it, kind, field, value, at, seq, session, limits)
    end
    if outcome == CONFIRMED then
      count_vehicles(lot)
      if lot[FREE] ~= free or lot[OCCUPIED] ~= occupied or lot[UNKNOWN] ~= unknown then outcome = CHANGED end
    end
  end
  if outcome == CHANGED or outcome == CONFIRMED then
    it.written, it.told = true, true
    if is_truth and at > lot[AT] then lot[AT] = at end
    if outcome == CHANGED then
      it.changed = true
      lot[VERSION] = lot[VERSION] + 1
    end
  end
  return outcome
end

-- Writes flat pairs of fields and values in bounded steps.
local function write_pairs(key, flat)
  for first = 1, #flat, 2 * CHUNK do
    redis.call('HSET', key, unpack(flat, first, math.min(first + 2 * CHUNK - 1, #flat)))
  end
end

-- Writes a lot's marks, and tells followers if its counts moved or its age has moved by REFRESH_US. Its record goes to
-- `records`, for one writing of them all.
local function settle(it, keys, length, records)
  if not it.lot or not it.written then return end
  local lot, flat = it.lot, {}
  for field in pairs(it.dirty) do
    flat[#flat + 1] = field
    flat[#flat + 1] = pack(it.marks[field])
  end
  if #flat > 0 then write_pairs(it.key, flat) end
  if it.due < lot[DUE] then
    lot[DUE] = it.due
    redis.call('ZADD', keys[4], string.format('%.0f', it.due), it.id)
  end
  local tells = it.changed or (it.told and lot[AT] - lot[PUBLISHED] >= REFRESH_US)
  if tells then lot[PUBLISHED] = lot[AT] end
  local record = pack(lot)
  if tells then
    local spaces = {}
    for field, mark in pairs(it.moved) do
      spaces[#spaces + 1] = { string.sub(field, 3), mark[SHOWN], mark[SERVICE], mark[FRESH], mark[M_AT] }
    end
    table.sort(spaces, function(a, b) return a[1] < b[1] end)
    local entry = { 'lot', it.id, 'is', record, 'spaces', pack(spaces) }
    if it.changed and it.trail then entry[7], entry[8] = 'trail', it.trail end
    redis.call('XADD', keys[3], 'MAXLEN', '~', length, '*', unpack(entry))
  end
  records[#records + 1] = it.id
  records[#records + 1] = record
end

-- KEYS meta lots changes due lot:ID...   ARGS stream length, a MessagePack array: reset_us, debounce_us, greatest growth,
-- number of lots, their ids, then nine for each observation: index of its lot, kind, timing, field, value, at, seq, session,
-- received. Perhaps a second array: index of a lot, the trail of what moves it.   -> one letter for each observation
local function apply(keys, args)
  if redis.call('HEXISTS', keys[1], 'epoch') == 0 then return no_layout() end
  local batch = unpack_one(args[2])
  local limits = { reset = batch[1], debounce = batch[2], max_delta = batch[3] }
  local count, touched, wanted, outcomes, records = batch[4], {}, {}, {}, {}
  local ids = {}
  for i = 1, count do ids[i] = batch[4 + i] end
  for first = 1, count, CHUNK do
    local last = math.min(first + CHUNK - 1, count)
    local texts = redis.call('HMGET', keys[2], unpack(ids, first, last))
    for i = first, last do
      touched[i], wanted[i] = begin(ids[i], keys[4 + i], texts[i - first + 1]), {}
    end
  end
  for i = 5 + count, #batch, 9 do
    local it, field = touched[batch[i]], batch[i + 3]
    local fields = wanted[batch[i]]
    if it.lot and it.texts[field] == nil then
      it.texts[field] = false
      fields[#fields + 1] = field
      if batch[i + 1] ~= 's' and it.texts['a'] == nil then
        it.texts['a'] = false
        fields[#fields + 1] = 'a'
      end
    end
  end
  for i = 1, count do read_marks(touched[i], wanted[i]) end
  for i = 5 + count, #batch, 9 do
    local it = touched[batch[i]]
    outcomes[#outcomes + 1] = it.lot
      and observe(it, batch[i + 1], batch[i + 2], batch[i + 3], batch[i + 4], batch[i + 5], batch[i + 6], batch[i + 7],
        batch[i + 8], limits)
      or UNKNOWN_LOT
  end
  local trails = args[3] and unpack_one(args[3]) or {}
  for i = 1, #trails, 2 do touched[trails[i]].trail = trails[i + 1] end
  for i = 1, count do settle(touched[i], keys, args[1], records) end
  if #records > 0 then write_pairs(keys[2], records) end
  return table.concat(outcomes)
end

-- KEYS meta lots changes due lot:ID   ARGS stream length, a MessagePack array: debounce_us, lot, what (s service, r places
-- reserved, c closed, o occupied), field, value, at   -> an outcome's letter
local function act(keys, args)
  if redis.call('HEXISTS', keys[1], 'epoch') == 0 then return no_layout() end
  local debounce, id, what, field, value, at = unpack(unpack_one(args[2]))
  local it = begin(id, keys[5], redis.call('HGET', keys[2], id))
  local lot = it.lot
  if not lot then return UNKNOWN_LOT end
  local by_counters, tracks = lot[KIND] == 'c', lot[MIXED] == 1
  local free, occupied, unknown, out, closed = lot[FREE], lot[OCCUPIED], lot[UNKNOWN], lot[OUT], lot[CLOSED]
  local changed = false
  if what == 's' then
    if by_counters and not tracks then return NOT_COUNTED end
    read_marks(it, { field })
    local mark = mark_of(it, field)
    if not mark then return UNKNOWN_SPACE end
    if mark[SERVICE] == value then return CONFIRMED end
    local from = count_of(mark)
    if lot[KIND] == 's' then
      if mark[SERVICE] == 2 then lot[RESERVED] = lot[RESERVED] - 1 end
      if value == 2 then lot[RESERVED] = lot[RESERVED] + 1 end
    end
    mark[SERVICE] = value
    shift(lot, mark, from, count_of(mark))
    note_space(it, field, mark, debounce)
    it.moved[field], changed = mark, true
  elseif what == 'r' then
    if not by_counters then return NOT_COUNTED end
    lot[PLACES] = math.min(value, lot[CAPACITY])
  elseif what == 'c' then
    lot[CLOSED] = value
  else
    if not by_counters and not tracks then return NOT_COUNTED end
    read_marks(it, { 'a' })
    local mark = mark_of(it, 'a') or { 0, 0, '', '' }
    local newest = math.max(mark[M_AT], at)
    anchor(lot, math.min(value, lot[CAPACITY]), newest - mark[M_AT])
    mark[M_AT], mark[M_SINCE], mark[M_SEQ], mark[M_SESSION] = newest, newest, '', ''
    it.marks['a'], it.dirty['a'] = mark, true
    if by_counters and newest > lot[AT] then lot[AT] = newest end
  end
  if what ~= 'o' and at > lot[ACTED] then lot[ACTED] = at end
  count_vehicles(lot)
  changed = changed or lot[FREE] ~= free or lot[OCCUPIED] ~= occupied or lot[UNKNOWN] ~= unknown or lot[OUT] ~= out
    or lot[CLOSED] ~= closed
  if changed then lot[VERSION] = lot[VERSION] + 1 end
  it.written, it.told, it.changed = true, true, changed
  local records = {}
  settle(it, keys, args[1], records)
  write_pairs(keys[2], records)
  return changed and CHANGED or CONFIRMED
end

local function all(key)
  local flat, map = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local function is_space(field)
  return string.sub(field, 1, 1) == 's'
end

-- Puts a lot where its deadline belongs.
local function queue(keys, id, lot, due)
  if due == lot[DUE] then return end
  lot[DUE] = due
  if due < NEVER then
    redis.call('ZADD', keys[4], string.format('%.0f', due), id)
  else
    redis.call('ZREM', keys[4], id)
  end
end

-- KEYS meta lots changes due   ARGS stream length, now, debounce_us, prefix of the lots' keys, most lots
-- -> number of lots that were due, number of lots that moved
local function sweep(keys, args)
  if redis.call('HEXISTS', keys[1], 'epoch') == 0 then return no_layout() end
  local now, debounce = tonumber(args[2]), tonumber(args[3])
  local ids = redis.call('ZRANGEBYSCORE', keys[4], '-inf', args[2], 'LIMIT', 0, args[5])
  local moved, records = 0, {}
  for _, id in ipairs(ids) do
    local it = begin(id, args[4] .. id, redis.call('HGET', keys[2], id))
    if it.lot then
      it.texts = all(it.key)
      local due = NEVER
      for field in pairs(it.texts) do
        if is_space(field) then
          local mark = mark_of(it, field)
          if age(it.lot, mark, now, debounce) then
            it.changed, it.dirty[field], it.moved[field] = true, true, mark
          end
          due = math.min(due, due_of(mark, debounce))
        end
      end
      queue(keys, id, it.lot, due)
      if it.changed then
        moved = moved + 1
        it.lot[VERSION] = it.lot[VERSION] + 1
      end
      it.written = true
      settle(it, keys, args[1], records)
    else
      redis.call('ZREM', keys[4], id)
    end
  end
  if #records > 0 then write_pairs(keys[2], records) end
  return { #ids, moved }
end
