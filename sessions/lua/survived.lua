-- survived: lease that expired, as GENERATION, then for each job that its workers still have in hand: session id, job id.
-- The process had only fallen silent: it has not died under these jobs.

even_when_full()
local died = NODE .. ' ' .. arg(1)
for i = 2, argc, 2 do
  local key = job_key(arg(i), arg(i + 1))
  if call('HGET', key, 'died') == died then
    call('HINCRBY', key, 'deaths', -1)
    call('HSET', key, 'died', '')
  end
end
