-- Leases: who holds what for how long, kept and judged in one step by the clock of the server that keeps them.
--
-- KEYS  the book, the leases, the living nodes; all three in one slot
-- ARGV  length of a lease in ms, the caller's life, its name, whether it stays (1), and what it asks as JSON: `renew`, `give`
--       as [name, token], `take` as [name, the highest token known of it elsewhere, or 0]; numbers of tokens are text
-- -> the living nodes (life, name, ...), for each of `renew` 1 or 0, for each of `take` its token or 0
--
-- A token only grows: it is the time of the server in ms, or one more than the highest token given or heard of if that is more.
-- A book that was lost is young for as long as a lease lasts: whoever held a lease says so, and is believed once; what was ever
-- held is given to nobody else meanwhile.
local book, leases, nodes = KEYS[1], KEYS[2], KEYS[3]
local length, life, name, stays = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4] == '1'
local asked = cjson.decode(ARGV[5])

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function text(number)
  return string.format('%.0f', number)
end

local opened = tonumber(redis.call('HGET', book, 'opened') or '')
if not opened then
  opened = now
  redis.call('HSET', book, 'opened', text(now))
end
local is_young = now - opened < length
local last = tonumber(redis.call('HGET', book, 'last') or '') or 0
local before = last

-- Token, end and life of a lease that is written down; nil if none is.
local function lease_of(what)
  local written = redis.call('HGET', leases, what)
  if not written then return nil end
  local token, ends, holder = string.match(written, '^(%d+) (%d+) (%S+)$')
  return tonumber(token), tonumber(ends), holder
end

local function write(what, token)
  redis.call('HSET', leases, what, text(token) .. ' ' .. text(now + length) .. ' ' .. life)
end

for _, given in ipairs(asked.give) do
  local token, _, holder = lease_of(given[1])
  if holder == life and token == tonumber(given[2]) then
    -- Known to be nobody's, which a sign that is not written down at all is not.
    redis.call('HSET', leases, given[1], text(token) .. ' 0 -')
  end
end

local renewed = {}
for place, held in ipairs(asked.renew) do
  local claimed = tonumber(held[2])
  local token, _, holder = lease_of(held[1])
  local is_held = holder == life and token == claimed
  if is_held or (not token and is_young) then
    write(held[1], claimed)
    last = math.max(last, claimed)
    renewed[place] = 1
  else
    renewed[place] = 0
  end
end

local taken = {}
for place, wanted in ipairs(asked.take) do
  local heard = tonumber(wanted[2])
  local token, ends, holder = lease_of(wanted[1])
  if holder == life and token >= heard then
    write(wanted[1], token)
    taken[place] = token
  elseif (token and holder ~= life and ends > now) or (not token and is_young and heard > 0) then
    taken[place] = 0
  else
    last = math.max(now, last + 1, heard + 1)
    write(wanted[1], last)
    taken[place] = last
  end
end

if last ~= before then redis.call('HSET', book, 'last', text(last)) end

if stays then
  redis.call('HSET', nodes, life, text(now + length) .. ' ' .. name)
else
  redis.call('HDEL', nodes, life)
end
local living, known = {}, redis.call('HGETALL', nodes)
for place = 1, #known, 2 do
  local ends, called = string.match(known[place + 1], '^(%d+) (.*)$')
  if ends and tonumber(ends) > now then
    living[#living + 1] = known[place]
    living[#living + 1] = called
  else
    redis.call('HDEL', nodes, known[place])
  end
end
return { living, renewed, taken }
