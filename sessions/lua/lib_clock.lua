-- Time, in ms. WALL is what a clock on the wall shows: Redis's own, so that nodes agree. It steps, it stands still while a
-- machine is suspended, and it goes on while Redis is away. So it is only shown to people.
--
-- NOW is the time that somebody lived through: it counts on from tick to tick. Where no node has ticked for half a lease, or
-- WALL went back, nothing is counted. Every duration that ends something is measured by it.

local WALL = num(ARGV[1])
if WALL == 0 then
  local t = call('TIME')
  WALL = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
end

-- Hash: wall and lived, WALL and NOW of the last tick; amnesty, the NOW before which nobody is reaped; ttl, and told, the NOW at which it was
-- said last.
local CLOCK = KEY.clock
local LONGEST = LEASE / 2       -- of the gaps between two ticks, where time is counted

local last = call('HMGET', CLOCK, 'wall', 'lived', 'ttl', 'told')
local since_tick = WALL - num(last[1])
local NOW = last[1] and num(last[2]) + math.max(0, math.min(since_tick, LONGEST)) or WALL

-- TTL is how long a session lives without sockets and work. Hubs that share a Redis may have been told different ones: the longest counts, or
-- the results of one hub's users would go by another's. It counts for a day after it was said last, for its hub may only be starting anew.
local REMEMBERED = 24 * 3600 * 1000
local TTL = NOW - num(last[4]) < REMEMBERED and math.max(OWN_TTL, num(last[3])) or OWN_TTL

local function tell_ttl() call('HSET', CLOCK, 'ttl', int(OWN_TTL), 'told', int(NOW)) end

-- pass counts the time since the last tick. After a gap everyone has a lease to speak again before anybody is taken for dead
-- or gone.
local function pass()
  if last[1] and (since_tick < 0 or since_tick > LONGEST) then
    NOW = num(last[2])
    call('HSET', CLOCK, 'amnesty', int(NOW + LEASE))
  end
  call('HSET', CLOCK, 'wall', int(WALL), 'lived', int(NOW))
  if TTL == OWN_TTL then tell_ttl() end
end

local function amnesty() return NOW < num(call('HGET', CLOCK, 'amnesty')) end
