-- tick: draining ('1' or '0'), which slots are open, ms after which a reservation that nobody watches is given up, problem of a job that is given
-- up
-- -> {'ok', length of the line, 1 if a worker of this node may find work, jobs to cancel, sessions to close,
--     closed sessions to sweep} | {'lost'}: others took this node for dead | {'taken'}: another process has the name.
-- Renews the lease, ends those of dead nodes, and lets time pass for everything that waits for it.

even_when_full()
local draining, open, unwatched, problem = arg(1), arg(2), num(arg(3)), arg(4)
local node = node_key(NODE)
pass()
local generation = call('HGET', node, 'generation')
if generation ~= GENERATION then return {generation and 'taken' or 'lost'} end
call('HSET', node, 'expires', int(NOW + LEASE), 'draining', draining, 'open', open)

if not amnesty() then
  for _, other in ipairs(call('SMEMBERS', NODES)) do
    if num(call('HGET', node_key(other), 'expires')) <= NOW then abandon(other, 0, problem) end
  end
end

-- A slot whose worker is down is nobody's. Time ends a turn, and not the worker's next claim alone: a worker may hang.
local busy = false
for slot = 0, num(call('HGET', node, 'slots')) - 1 do
  slot = int(slot)
  local sid = owner(NODE, slot)
  local idle = sid and idle_since(NODE, slot, sid)
  if sid and not is_open(open, num(slot)) then
    stand_by(sid, false)
  elseif sid and turn_over(slot, sid) then
    stand_by(sid, true)
  elseif idle and NOW - idle >= GRACE and NOW - num(call('ZSCORE', SEEN, sid)) >= unwatched then
    stand_by(sid, false)
  end
  busy = busy or (sid and queued(sid) > 0)
end
settle()

local cancel = {}
for _, member in ipairs(call('HKEYS', hand_key(NODE))) do
  local sid, jid = split(member)
  if call('HGET', job_key(sid, jid), 'cancel') == '1' then cancel[#cancel + 1] = jid end
end

-- One with work is looked at again a TTL later.
local close = {}
if not amnesty() then
  for _, sid in ipairs(call('ZRANGEBYSCORE', SEEN, '-inf', int(NOW - TTL), 'LIMIT', 0, 100)) do
    if has_work(sid) then call('ZADD', SEEN, int(NOW), sid) else close[#close + 1] = sid end
  end
end

local line = call('ZCARD', LINE)
publish()
return {'ok', line, (busy or line > 0) and 1 or 0, cancel, close, call('SMEMBERS', CLOSING)}
