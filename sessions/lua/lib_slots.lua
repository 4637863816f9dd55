-- Admission: who holds a slot and who stands in line.

local function queued(sid) return call('ZCARD', session_key(sid) .. ':queue') end
local function running(sid) return call('SCARD', session_key(sid) .. ':running') end
local function has_work(sid) return queued(sid) + running(sid) > 0 end

-- note_work keeps `idle`, the moment since which the session has had no work; '' while it has some.
local function note_work(sid)
  local key = session_key(sid)
  if has_work(sid) then
    call('HSET', key, 'idle', '')
  elseif call('HGET', key, 'idle') == '' then
    call('HSET', key, 'idle', int(NOW))
  end
end

local function new_ticket() return int(call('INCR', PREFIX .. 'ticket')) end

local function owner(node, slot) return call('HGET', node_key(node), 'owner:' .. slot) end

local function holds_lease(node, generation)
  local n = call('HMGET', node_key(node), 'generation', 'expires')
  return n[1] == generation and num(n[2]) > NOW
end

-- is_open reads what a node says of its slots, a letter each: '1' when its worker is up and warm.
local function is_open(letters, slot) return string.sub(letters or '', slot + 1, slot + 1) == '1' end

-- open_nodes lists the nodes that may give out slots, the caller's own first, each as {name, slots, which are open}.
local function open_nodes()
  local nodes = call('SMEMBERS', NODES)
  table.sort(nodes, function(a, b)
    if (a == NODE) ~= (b == NODE) then return a == NODE end
    return a < b
  end)
  local open = {}
  for _, node in ipairs(nodes) do
    local n = call('HMGET', node_key(node), 'expires', 'draining', 'slots', 'open')
    if num(n[1]) > NOW and n[2] ~= '1' then open[#open + 1] = {node, num(n[3]), n[4]} end
  end
  return open
end

local function free_slot(open)
  for _, node in ipairs(open) do
    for slot = 0, node[2] - 1 do
      if is_open(node[3], slot) and not owner(node[1], slot) then return node[1], int(slot) end
    end
  end
end

local function give(sid, node, slot)
  call('HSET', node_key(node), 'owner:' .. slot, sid, 'since:' .. slot, int(NOW))
  call('ZREM', LINE, sid)
  call('HSET', session_key(sid), 'state', 'active', 'node', node, 'slot', slot)
  if call('HGET', session_key(sid), 'ticket') == '' then
    call('HSET', session_key(sid), 'ticket', new_ticket())
  end
  record_session(sid)
  wake = true
end

-- release takes the slot from its owner, whatever becomes of it.
local function release(sid)
  local s = call('HMGET', session_key(sid), 'node', 'slot')
  if s[2] and s[2] ~= '' then
    call('HDEL', node_key(s[1]), 'owner:' .. s[2], 'since:' .. s[2])
    call('HSET', session_key(sid), 'slot', '')
    wake = true
  end
end

-- stand_by takes the slot of an active session. With work left it goes into the line: at the tail when its turn
-- is over, else by the ticket that it came with. Without work it is idle and has no ticket.
local function stand_by(sid, to_tail)
  release(sid)
  local key = session_key(sid)
  if queued(sid) > 0 then
    if to_tail then call('HSET', key, 'ticket', new_ticket()) end
    call('ZADD', LINE, call('HGET', key, 'ticket'), sid)
    call('HSET', key, 'state', 'waiting')
  else
    call('HSET', key, 'state', 'idle', 'ticket', '')
  end
  record_session(sid)
end

-- idle_since tells since when the owner of a slot has held it without work; nil while it has work.
local function idle_since(node, slot, sid)
  local idle = call('HGET', session_key(sid), 'idle')
  if idle == '' then return nil end
  return math.max(num(idle), num(call('HGET', node_key(node), 'since:' .. slot)))
end

-- longest_idle finds the reservation that has been without work for longest, at least for the grace.
local function longest_idle(open)
  local found, longest
  for _, node in ipairs(open) do
    for slot = 0, node[2] - 1 do
      local sid = owner(node[1], slot)
      local idle = sid and idle_since(node[1], slot, sid)
      if idle and NOW - idle >= GRACE and (not longest or idle < longest) then found, longest = sid, idle end
    end
  end
  return found
end

-- settle gives the head of the line what is free, and then what is reserved but not used, until nothing is left
-- to give. Every script that may have freed a slot or lengthened the line ends with it.
local function settle()
  if call('ZCARD', LINE) == 0 then return end
  local open = open_nodes()
  while true do
    local head = call('ZRANGE', LINE, 0, 0)[1]
    if not head then return end
    local node, slot = free_slot(open)
    if not node then
      local reserved = longest_idle(open)
      if not reserved then return end
      stand_by(reserved, false)
      node, slot = free_slot(open)
    end
    give(head, node, slot)
  end
end

-- turn_over reports whether the owner of a slot of this node has had its turn while others wait.
local function turn_over(slot, sid)
  return call('ZCARD', LINE) > 0 and has_work(sid) and NOW - num(call('HGET', node_key(NODE), 'since:' .. slot)) >= TURN
end

-- reserve gives an idle session a free slot if nobody waits.
local function reserve(sid)
  if call('ZCARD', LINE) > 0 then return false end
  local node, slot = free_slot(open_nodes())
  if not node then return false end
  give(sid, node, slot)
  return true
end

-- place finds an idle session that has queued work its way: a slot at once if nobody waits, else the line.
local function place(sid)
  local key = session_key(sid)
  if call('HGET', key, 'state') ~= 'idle' or queued(sid) == 0 or reserve(sid) then return end
  if call('HGET', key, 'ticket') == '' then call('HSET', key, 'ticket', new_ticket()) end
  call('ZADD', LINE, call('HGET', key, 'ticket'), sid)
  call('HSET', key, 'state', 'waiting')
  record_session(sid)
  settle()
end

-- leave_line lets a waiting session whose queue has become empty stand by.
local function leave_line(sid)
  local key = session_key(sid)
  if call('HGET', key, 'state') == 'waiting' and queued(sid) == 0 then
    call('ZREM', LINE, sid)
    call('HSET', key, 'state', 'idle', 'ticket', '')
    record_session(sid)
    wake = true
  end
end
