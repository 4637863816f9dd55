-- join: which slots are open, '1' to take over from a process of the same name that is dead, problem of a job that is given up,
-- the calling process -> the generation of the lease, or nil when another process holds the name and may not be taken over.
-- What the name had claimed before goes back to the queues; its owners keep their slots. A second call, after a lost reply,
-- changes nothing.

even_when_full()
pass()
local open, take, problem, process = arg(1), arg(2) == '1', arg(3), arg(4)
local slots = #open
local node = node_key(NODE)
local held = call('HMGET', node, 'expires', 'slots', 'process', 'generation')
if not take and num(held[1]) > NOW then return held[3] == process and held[4] or nil end

call('HSET', node, 'expires', 0) -- so that nothing of it is given out meanwhile
abandon(NODE, math.max(1, math.min(slots, num(held[2]))), problem)
for i = 0, num(held[2]) - 1 do call('HDEL', node, 'token:' .. int(i), 'batch:' .. int(i)) end
local generation = int(call('INCR', PREFIX .. 'generation'))
call('HSET', node, 'generation', generation, 'process', process, 'expires', int(NOW + LEASE), 'slots', int(slots),
  'open', open, 'draining', '0')
call('SADD', NODES, NODE)
settle()
wake = true
publish()
return generation
