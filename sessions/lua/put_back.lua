-- put_back: for each job that the node does not have in hand although Redis says so: session id, job id. They go back
-- to their queues.

even_when_full()
if not holds_lease(NODE, GENERATION) then return 0 end
for i = 1, argc, 2 do
  if call('HEXISTS', hand_key(NODE), arg(i) .. ' ' .. arg(i + 1)) == 1 then put_back(arg(i), arg(i + 1)) end
end
settle()
publish()
return 1
