-- leave: '' or, of a process that cannot go on, the problem of a job that is given up. Ends the node's lease at once, so
-- that others take over. Nothing when the lease is no longer its own.

even_when_full()
local problem = arg(1)
if call('HGET', node_key(NODE), 'generation') ~= GENERATION then return 0 end
bury(NODE, problem ~= '' and problem)
settle()
publish()
return 1
