-- line: -> {slots, line}: for each open slot {session or '', jobs left, ms held, ms idle or ''}; for each
-- waiting session, next first, {session, jobs queued, seq}. What an estimate needs.

local slots, line = {}, {}
for _, node in ipairs(open_nodes()) do
  for slot = 0, node[2] - 1 do
    slot = int(slot)
    local sid = owner(node[1], slot)
    if sid then
      local idle = idle_since(node[1], slot, sid)
      local left = queued(sid) + running(sid)
      local held = NOW - num(call('HGET', node_key(node[1]), 'since:' .. slot))
      slots[#slots + 1] = {sid, int(left), int(held), idle and int(NOW - idle) or ''}
    elseif is_open(node[3], num(slot)) then
      slots[#slots + 1] = {'', '0', '0', ''}
    end
  end
end
for i, sid in ipairs(call('ZRANGE', LINE, 0, -1)) do line[i] = {sid, int(queued(sid)), call('HGET', session_key(sid), 'seq')} end
return {slots, line}
