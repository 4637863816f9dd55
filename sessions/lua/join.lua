-- join: which slots are open, '1' to take over from a process of the same name that is dead, problem of a job that is given up,
-- the calling process, its models as for renew -> the number of the lease's generation, or nil when another process holds the name and may not be taken over.
-- What the name had claimed before goes back to the queues; its owners keep their slots. A second call, after a lost reply,
-- changes nothing.

even_when_full()
pass()
local open, take, problem, process, models = arg(1), arg(2) == '1', arg(3), arg(4), arg(5)
local slots = #open
local node = node_key(NODE)
local had = call('HMGET', node, 'slots', 'process', 'generation')
if not take and is_alive(NODE) then return had[2] == process and string.match(had[3], '^%d+') or nil end

call('ZREM', NODES, NODE) -- so that nothing of it is given out meanwhile
if call('ZCARD', NODES) == 0 then tell_ttl() end -- nobody else is there whose word would count
withhold(NODE)
empty_hands(NODE, problem)
evict(NODE, slots)
for i = 0, num(had[1]) - 1 do
  call('HDEL', node, 'token:' .. int(i), 'batch:' .. int(i))
  call('SREM', RESTING, NODE .. ' ' .. int(i))
end
local generation = int(call('INCR', KEY.generation))
call('HSET', node, 'generation', generation .. '-' .. process, 'process', process, 'slots', int(slots), 'open', open, 'draining', '0', 'models', models)
call('ZADD', NODES, int(NOW + LEASE), NODE)
for i = 0, slots - 1 do offer(NODE, int(i)) end
post_node(NODE)
settle()
publish()
return generation
