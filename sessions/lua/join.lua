-- join: slots, '1' to take over from a process of the same name that is dead, problem of a job that is given up
-- -> the new generation, or nil when another process holds the name and may not be taken over.
-- What the name had claimed before goes back to the queues; its owners keep their slots.

even_when_full()
pass()
local slots, take = num(arg(1)), arg(2) == '1'
local node = node_key(NODE)
local held = call('HMGET', node, 'expires', 'slots')
if not take and num(held[1]) > NOW then return nil end

call('HSET', node, 'expires', 0) -- so that nothing of it is given out meanwhile
abandon(NODE, math.max(1, math.min(slots, num(held[2]))), arg(3))
for i = 0, num(held[2]) - 1 do call('HDEL', node, 'token:' .. int(i), 'batch:' .. int(i)) end
local generation = int(call('INCR', PREFIX .. 'generation'))
call('HSET', node, 'generation', generation, 'expires', int(NOW + LEASE), 'slots', int(slots), 'draining', '0')
call('SADD', NODES, NODE)
settle()
wake = true
publish()
return generation
