-- The second part of the library, loaded as one with availability.lua: declaring a city, giving back its memory, reading.

-- Declaring a city.

-- Counts everything anew from the marks.
local function recount(keys, it, debounce)
  local lot, due = it.lot, NEVER
  if lot[KIND] == 's' then
    lot[FREE], lot[OCCUPIED], lot[UNKNOWN], lot[OUT], lot[RESERVED] = 0, 0, lot[CAPACITY], 0, 0
  end
  lot[STALE], lot[DEAD] = 0, 0
  for _, group in ipairs(lot[GROUPS]) do group[3], group[4], group[5], group[6] = 0, 0, group[2], 0 end
  for field in pairs(it.texts) do
    local mark = is_space(field) and mark_of(it, field)
    if mark then
      count_freshness(lot, 0, mark[FRESH])
      shift(lot, mark, UNKNOWN, count_of(mark))
      if lot[KIND] == 's' and mark[SERVICE] == 2 then lot[RESERVED] = lot[RESERVED] + 1 end
      due = math.min(due, due_of(mark, debounce))
    end
  end
  count_vehicles(lot)
  queue(keys, it.id, lot, due)
end

-- What a reader is told, but for the version.
local function told(lot)
  local counts = { unpack(lot, CAPACITY, DEAD) }
  counts[#counts + 1] = lot[AT]
  for _, group in ipairs(lot[GROUPS]) do counts[#counts + 1] = table.concat(group, ',') end
  return table.concat(counts, ' ')
end

local function fit_spaces(it, spaces)
  local wanted, gone = {}, {}
  for _, space in ipairs(spaces) do
    local field = 's:' .. space[1]
    wanted[field] = true
    local mark = mark_of(it, field)
    if not mark then
      mark = { 0, 0, '', '', 'u', 'u', 0, 0, 0, 0, space[2], space[3], space[4] }
      it.texts[field], it.marks[field], it.dirty[field] = '', mark, true
    elseif mark[STALE_S] ~= space[2] or mark[DEAD_S] ~= space[3] or mark[LETTERS] ~= space[4] then
      mark[STALE_S], mark[DEAD_S], mark[LETTERS] = space[2], space[3], space[4]
      it.dirty[field] = true
    end
  end
  for field in pairs(it.texts) do
    if is_space(field) and not wanted[field] then gone[#gone + 1] = field end
  end
  for _, field in ipairs(gone) do
    it.texts[field] = nil
    redis.call('HDEL', it.key, field)
  end
end

-- KEYS meta lots changes due   ARGS stream length, a fresh epoch, now, prefix of the lots' keys, debounce_us, a MessagePack
-- array of lots: id, kind, mixed, capacity, groups (letter, capacity), spaces (id, limits of silence, letters of groups).
-- -> the partition's epoch
-- A lot that comes or goes begins a new epoch, so that followers take a new snapshot; a lot that stays keeps its state.
local function configure(keys, args)
  local length, fresh, prefix, debounce = args[1], args[2], args[4], tonumber(args[5])
  local epoch = redis.call('HGET', keys[1], 'epoch')
  local known, renew = all(keys[2]), not epoch
  for _, layout in ipairs(unpack_one(args[6])) do
    local id, kind = layout[1], layout[2]
    local it = begin(id, prefix .. id, known[id] or false)
    known[id] = nil
    local before = it.lot and told(it.lot)
    if not it.lot or it.lot[KIND] ~= kind then
      redis.call('DEL', it.key)
      redis.call('ZREM', keys[4], id)
      renew = renew or not it.lot
      local version = it.lot and it.lot[VERSION] or 0
      it.lot = { kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, version, 0, 0, NEVER, 0, 0, 0, 0, 0, 0, 0, 1000, 100, 0, 0, 0, {}, 0 }
    else
      it.texts = all(it.key)
    end
    local lot = it.lot
    lot[MIXED], lot[CAPACITY], lot[GROUPS] = layout[3], layout[4], {}
    for i, group in ipairs(layout[5]) do lot[GROUPS][i] = { group[1], group[2], 0, 0, group[2], 0 } end
    fit_spaces(it, layout[6])
    recount(keys, it, debounce)
    it.written, it.changed = true, before and told(lot) ~= before
    if it.changed then lot[VERSION] = lot[VERSION] + 1 end
    local records = {}
    settle(it, keys, length, records)
    write_pairs(keys[2], records)
  end
  for id in pairs(known) do
    redis.call('HDEL', keys[2], id)
    redis.call('ZREM', keys[4], id)
    redis.call('DEL', prefix .. id)
    renew = true
  end
  if renew then
    -- The marker keeps the stream from ever being empty: a snapshot's place in it is always an entry's.
    redis.call('XADD', keys[3], 'MAXLEN', '~', length, '*', 'epoch', fresh)
    epoch = fresh
  end
  redis.call('HSET', keys[1], 'epoch', epoch, 'configured_at', args[3])
  return epoch
end

-- Taking back what was remembered elsewhere.

-- Takes what the counters counted if it is newer; what passed while they were forgotten goes on top of it.
local function recall_counts(it, counter, counted, entered)
  local lot, newest = it.lot, 0
  for field in pairs(it.texts) do
    if not is_space(field) then newest = math.max(newest, mark_of(it, field)[M_AT]) end
  end
  if counted <= newest and not (counter[2] == 1 and lot[ANCHORED] == 0) then return false end
  local raw, passages, came = 0, 0, 0
  if lot[ANCHORED] == 0 then raw, passages, came = lot[RAW], lot[PASSAGES], lot[ENTERED] or 0 end
  for i, value in ipairs(counter) do lot[RAW + i - 1] = value end
  lot[RAW], lot[PASSAGES], lot[ENTERED] = lot[RAW] + raw, lot[PASSAGES] + passages, entered + came
  return true
end

local function recall_space(mark, newer, is_acted_later)
  local moved = false
  if newer[M_AT] > mark[M_AT] then
    for i = M_AT, SAID do mark[i] = newer[i] end
    for i = FRESH, MOVED do mark[i] = newer[i] end
    moved = true
  end
  if is_acted_later then mark[SERVICE] = newer[SERVICE] end
  return moved
end

-- KEYS meta lots changes due   ARGS stream length, a fresh epoch, prefix of the lots' keys, debounce_us, a MessagePack array
-- of memories: id, version, at, acted, closed, places reserved, counter (as in the record from RAW on), newest word of the
-- counters, marks (field, mark), vehicles that came in.   -> number of lots that moved
-- Each subject's memory is taken only where it is newer, so that nothing goes back; if anything moved, an epoch begins.
local function restore(keys, args)
  local epoch = redis.call('HGET', keys[1], 'epoch')
  if not epoch then return no_layout() end
  local debounce, moved, records = tonumber(args[4]), 0, {}
  for _, memory in ipairs(unpack_one(args[5])) do
    local id, version, at, acted, closed, places, counter, counted, marks, entered = unpack(memory, 1, 10)
    local it = begin(id, args[3] .. id, redis.call('HGET', keys[2], id))
    local lot = it.lot
    if lot then
      it.texts = all(it.key)
      local changed = recall_counts(it, counter, counted, entered or 0)
      local is_acted_later = acted > lot[ACTED]
      if is_acted_later then
        lot[ACTED], lot[CLOSED], lot[PLACES] = acted, closed, math.min(places, lot[CAPACITY])
        changed = true
      end
      for _, pair in ipairs(marks) do
        local field, newer = pair[1], pair[2]
        if is_space(field) then
          local mark = mark_of(it, field)
          if mark then
            changed = recall_space(mark, newer, is_acted_later) or changed
            it.dirty[field] = true
          end
        else
          local mark = field == 'a' and (mark_of(it, 'a') or { 0, 0, '', '' }) or lane_of(it, field)
          if mark and newer[M_AT] > mark[M_AT] then
            for i, value in ipairs(newer) do mark[i] = value end
            it.marks[field], it.dirty[field], it.texts[field] = mark, true, it.texts[field] or ''
            changed = true
          end
        end
      end
      if at > lot[AT] then lot[AT], changed = at, true end
      if changed or version > lot[VERSION] then
        recount(keys, it, debounce)
        lot[VERSION] = math.max(lot[VERSION], version) + 1
        moved = moved + 1
        it.written, it.changed = true, true
        settle(it, keys, args[1], records)
      end
    end
  end
  if moved > 0 then
    write_pairs(keys[2], records)
    redis.call('XADD', keys[3], 'MAXLEN', '~', args[1], '*', 'epoch', args[2])
    redis.call('HSET', keys[1], 'epoch', args[2])
  end
  return moved
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

-- KEYS meta lots   ARGS lots   -> their records; nil for each that is not in the city
local function lots_of(keys, args)
  if redis.call('HEXISTS', keys[1], 'epoch') == 0 then return no_layout() end
  return redis.call('HMGET', keys[2], unpack(args))
end

-- KEYS meta lots lot:ID   ARGS lot   -> the lot's record, its fields and marks; nil if it is not in the city
local function lot(keys, args)
  if redis.call('HEXISTS', keys[1], 'epoch') == 0 then return no_layout() end
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

redis.register_function('yunpark_apply_v2', apply)
redis.register_function('yunpark_act_v2', act)
redis.register_function('yunpark_sweep_v2', sweep)
redis.register_function('yunpark_configure_v2', configure)
redis.register_function('yunpark_restore_v2', restore)
redis.register_function { function_name = 'yunpark_snapshot_v2', callback = snapshot, flags = { 'no-writes' } }
redis.register_function { function_name = 'yunpark_lots_v2', callback = lots_of, flags = { 'no-writes' } }
redis.register_function { function_name = 'yunpark_lot_v2', callback = lot, flags = { 'no-writes' } }
redis.register_function { function_name = 'yunpark_changes_v2', callback = changes_after, flags = { 'no-writes' } }
