-- Admission: who holds a slot and who stands in line. Nothing here looks at every session, node or slot: what is free, what is
-- reserved and who has most to do are kept in indexes (lib_keys.lua).

local function queued(sid) return call('ZCARD', session_key(sid) .. ':queue') end
local function running(sid) return call('SCARD', session_key(sid) .. ':running') end
local function has_work(sid) return queued(sid) + running(sid) > 0 end

-- note_work keeps `idle`, the moment since which the session has had no work and '' while it has some, and the indexes of those
-- that hold a slot.
local function note_work(sid)
  local key, queue, work = session_key(sid), queued(sid), has_work(sid)
  local s = call('HMGET', key, 'slot', 'held', 'idle')
  local idle = s[3]
  if work then
    idle = ''
  elseif idle == '' then
    idle = int(NOW)
  end
  if idle ~= s[3] then call('HSET', key, 'idle', idle) end
  if s[1] == '' then return end
  if work then
    call('ZREM', RESERVED, sid)
  else
    call('ZADD', RESERVED, int(math.max(num(idle), num(s[2]))), sid)
  end
  if queue > 0 then
    call('ZADD', BACKLOG, queue, sid)
  else
    call('ZREM', BACKLOG, sid)
  end
  if idle ~= s[3] then post_load(sid) end
end

local function new_ticket() return int(call('INCR', KEY.ticket)) end

local function owner(node, slot) return call('HGET', node_key(node), 'owner:' .. slot) end

local function slots_of(node) return num(call('HGET', node_key(node), 'slots')) end

local function is_alive(node) return num(call('ZSCORE', NODES, node)) > NOW end

local function holds_lease(node, generation)
  return call('HGET', node_key(node), 'generation') == generation and is_alive(node)
end

-- is_open reads what a node says of its slots, a letter each: '1' when its worker is up and warm.
local function is_open(letters, slot) return string.sub(letters or '', slot + 1, slot + 1) == '1' end

-- offer puts a slot among the free ones if it may be given out, and takes it away if not.
local function offer(node, slot)
  local n = call('HMGET', node_key(node), 'draining', 'open', 'owner:' .. slot)
  if n[1] == '0' and is_open(n[2], num(slot)) and not n[3] and is_alive(node) then
    call('ZADD', FREE, 0, node .. ' ' .. slot)
  else
    call('ZREM', FREE, node .. ' ' .. slot)
  end
end

-- withhold takes all slots of a node away from the free ones.
local function withhold(node) call('ZREMRANGEBYLEX', FREE, '[' .. node .. ' ', '(' .. node .. '!') end

-- free_slot finds a slot that may be given out, one of the calling node first; nil when there is none.
local function free_slot()
  while true do
    local member = call('ZRANGEBYLEX', FREE, '[' .. NODE .. ' ', '(' .. NODE .. '!', 'LIMIT', 0, 1)[1] or call('ZRANGE', FREE, 0, 0)[1]
    if not member then return nil end
    local node, slot = string.match(member, '^(.*) (%d+)$')
    if is_alive(node) then return node, slot end
    withhold(node) -- until it speaks again
  end
end

local function give(sid, node, slot)
  call('HSET', node_key(node), 'owner:' .. slot, sid)
  call('ZREM', FREE, node .. ' ' .. slot)
  call('ZREM', LINE, sid)
  call('HSET', session_key(sid), 'state', 'active', 'node', node, 'slot', slot, 'held', int(NOW))
  if call('HGET', session_key(sid), 'ticket') == '' then
    call('HSET', session_key(sid), 'ticket', new_ticket())
  end
  note_work(sid)
  record_session(sid)
  post('wait ' .. sid)
  post_load(sid)
  wake(node)
end

-- release takes the slot from its owner, whatever becomes of it.
local function release(sid)
  local s = call('HMGET', session_key(sid), 'node', 'slot')
  if not s[2] or s[2] == '' then return end
  call('HDEL', node_key(s[1]), 'owner:' .. s[2])
  call('HSET', session_key(sid), 'slot', '')
  call('ZREM', RESERVED, sid)
  call('ZREM', BACKLOG, sid)
  post('slot ' .. s[1] .. ' ' .. s[2])
  offer(s[1], s[2])
end

-- is_gone tells of a session that a Redis which throws keys away (another maxmemory-policy than noeviction) has thrown away, though it holds a slot
-- or stands in line.
local function is_gone(sid) return call('HEXISTS', session_key(sid), 'created') == 0 end

-- forget takes a session that is gone from where others would wait for it. Its slot was told by itself alone, so that all are looked at. Nothing is
-- written under its name: its log would begin anew below what it has, which Redis refuses, and with it the script of whoever came upon it.
local function forget(sid)
  call('ZREM', LINE, sid)
  call('ZREM', RESERVED, sid)
  call('ZREM', BACKLOG, sid)
  post('wait ' .. sid)
  for _, node in ipairs(call('ZRANGE', NODES, 0, -1)) do
    for i = 0, slots_of(node) - 1 do
      local slot = int(i)
      if owner(node, slot) == sid then
        call('HDEL', node_key(node), 'owner:' .. slot)
        post('slot ' .. node .. ' ' .. slot)
        offer(node, slot)
      end
    end
  end
end

-- enter_line lets a session wait by its ticket.
local function enter_line(sid)
  call('ZADD', LINE, call('HGET', session_key(sid), 'ticket'), sid)
  call('HSET', session_key(sid), 'state', 'waiting')
  record_session(sid)
  post_load(sid)
end

-- stand_by takes the slot of an active session. With work left it goes into the line: at the tail when its turn
-- is over, else by the ticket that it came with. Without work it is idle and has no ticket.
local function stand_by(sid, to_tail)
  if is_gone(sid) then return forget(sid) end
  release(sid)
  local key = session_key(sid)
  if queued(sid) > 0 then
    if to_tail then call('HSET', key, 'ticket', new_ticket()) end
    enter_line(sid)
  else
    call('HSET', key, 'state', 'idle', 'ticket', '')
    record_session(sid)
  end
end

-- is_busy reports whether a worker has something in hand, of whomever: then it can start nothing yet.
local function is_busy(node, slot)
  for _, at in ipairs(call('HVALS', hand_key(node))) do
    if at == slot then return true end
  end
  return false
end

-- at_work reports whether the worker of a session that holds a slot is busy.
local function at_work(sid)
  local s = call('HMGET', session_key(sid), 'node', 'slot')
  return s[2] and is_busy(s[1], s[2]) -- of one that is gone nobody knows
end

local function ticket(sid) return num(call('HGET', session_key(sid), 'ticket')) end

-- kept_out finds who is to have a free slot before the head of the line: the first of those who had been ahead and got a slot of the same node
-- whose worker is still at work for another, so that nothing of theirs has begun. nil when the free slot's worker is at work itself.
local function kept_out(head, node, slot)
  if is_busy(node, slot) then return nil end
  local first, before = nil, ticket(head)
  for i = 0, slots_of(node) - 1 do
    local other = owner(node, int(i))
    if other and ticket(other) < before and queued(other) > 0 and running(other) == 0 and at_work(other) then
      first, before = other, ticket(other)
    end
  end
  return first
end

-- settle gives the head of the line what is free, and then what is reserved but not used, until nothing is left
-- to give. Every script that may have freed a slot or lengthened the line ends with it.
local function settle()
  while true do
    local head = call('ZRANGE', LINE, 0, 0)[1]
    if not head then return end
    local node, slot = free_slot()
    if is_gone(head) then
      forget(head)
    elseif node then
      local first = kept_out(head, node, slot)
      if first then stand_by(first, false) end
      give(first or head, node, slot)
    else
      local reserved = call('ZRANGEBYSCORE', RESERVED, '-inf', int(NOW - GRACE), 'LIMIT', 0, 1)[1]
      if not reserved then return end
      stand_by(reserved, false)
    end
  end
end

-- turn_over reports whether the owner of a slot has had its turn while others wait.
local function turn_over(sid)
  return call('ZCARD', LINE) > 0 and has_work(sid) and NOW - num(call('HGET', session_key(sid), 'held')) >= TURN
end

-- end_turn sends the owner of a slot to the tail of the line; one that has had nothing of its turn, because its worker is still at work for
-- another, only back to where it came from.
local function end_turn(sid) stand_by(sid, running(sid) > 0 or not at_work(sid)) end

-- reserve gives an idle session a free slot if nobody waits.
local function reserve(sid)
  if call('ZCARD', LINE) > 0 then return false end
  local node, slot = free_slot()
  if not node then return false end
  give(sid, node, slot)
  return true
end

-- find_place finds an idle session that has queued work its way: a slot at once if nobody waits, else the line.
local function find_place(sid)
  local key = session_key(sid)
  if call('HGET', key, 'state') ~= 'idle' or queued(sid) == 0 or reserve(sid) then return end
  if call('HGET', key, 'ticket') == '' then call('HSET', key, 'ticket', new_ticket()) end
  enter_line(sid)
  settle()
end

-- leave_line lets a waiting session whose queue has become empty stand by.
local function leave_line(sid)
  local key = session_key(sid)
  if call('HGET', key, 'state') == 'waiting' and queued(sid) == 0 then
    call('ZREM', LINE, sid)
    call('HSET', key, 'state', 'idle', 'ticket', '')
    record_session(sid)
    post('wait ' .. sid)
  end
end

-- call_worker wakes the node whose worker has a session's work to do, if one has.
local function call_worker(sid)
  local s = call('HMGET', session_key(sid), 'slot', 'node')
  if s[1] and s[1] ~= '' then wake(s[2]) end
end

-- call_help wakes one node that has a worker at rest, if it may help: one after the other, each by the one before it that found
-- something to do, and so no more than there is work for.
local function call_help()
  if call('ZCARD', LINE) > 0 or call('ZCARD', BACKLOG) == 0 then return end
  local member = call('SPOP', RESTING)
  if member then wake((string.match(member, '^(.*) %d+$'))) end
end

-- has_less_to_do draws what follows for a session some of whose queued jobs are gone, and for those who wait behind them.
local function has_less_to_do(sid)
  note_work(sid)
  leave_line(sid)
  post_load(sid)
  settle()
  call_help()
end
