-- Jobs: what moves one from state to state. The session's queue and sets, the worker's hand and the event change together.

-- After so many deaths of the process that ran it a job is given up.
local MOST_DEATHS = 3

local function running_key(sid) return session_key(sid) .. ':running' end

-- over notes how a job ended.
local function over(sid, jid, outcome)
  call('HSET', job_key(sid, jid), 'state', outcome, 'stage', '', 'finished', int(WALL))
  call('HINCRBY', session_key(sid), outcome, 1)
  weigh(sid, jid, -1)
end

-- forget takes a job that is over out of its session. With the last job of a submission goes its key: a session lives for as long as somebody
-- sends and deletes images.
local function forget(sid, jid)
  local j = call('HMGET', job_key(sid, jid), 'state', 'image', 'key')
  if j[3] and call('HINCRBY', session_key(sid) .. ':left', j[3], -1) <= 0 then
    call('HDEL', session_key(sid) .. ':keys', j[3])
    call('HDEL', session_key(sid) .. ':left', j[3])
  end
  call('HINCRBY', session_key(sid), j[1], -1)
  call('ZREM', session_key(sid) .. ':jobs', jid)
  call('ZREM', image_key(sid, j[2]), jid)
  call('DEL', job_key(sid, jid), revisions_key(sid, jid))
end

-- drop forgets a job whose image was deleted while a worker had it in hand.
local function drop(sid, jid)
  if call('HGET', job_key(sid, jid), 'drop') == '1' then forget(sid, jid) end
end

-- withdraw cancels a queued job.
local function withdraw(sid, jid)
  call('ZREM', session_key(sid) .. ':queue', jid)
  over(sid, jid, 'cancelled')
  record_job(sid, jid)
end

-- request_cancel asks the node that runs the job to stop it; finish.lua makes it cancelled.
local function request_cancel(sid, jid)
  call('HSET', job_key(sid, jid), 'cancel', '1')
  call('PUBLISH', PREFIX .. 'cancel', jid)
end

-- take puts a queued job into the hand of a worker of the calling node.
local function take(sid, jid, slot)
  local key = job_key(sid, jid)
  call('ZREM', session_key(sid) .. ':queue', jid)
  call('HSET', key, 'state', 'running', 'started', int(WALL), 'node', NODE)
  call('HINCRBY', key, 'attempt', 1)
  call('HSET', hand_key(NODE), sid .. ' ' .. jid, slot)
  call('SADD', running_key(sid), jid)
  record_job(sid, jid)
end

-- let_go takes a job out of the hand that it is in. A worker that was kept waiting for that may go on, and the turn of a session whose
-- worker was at work for others begins.
local function let_go(sid, jid, node)
  local slot = call('HGET', hand_key(node), sid .. ' ' .. jid)
  call('HDEL', hand_key(node), sid .. ' ' .. jid)
  call('SREM', running_key(sid), jid)
  local other = slot and owner(node, slot)
  if other and other ~= sid and running(other) == 0 and not at_work(other) then
    call('HSET', session_key(other), 'held', int(NOW))
    post_load(other)
  end
  local n = call('HMGET', node_key(node), 'suspect', 'kept')
  if n[1] and select(2, split(n[1])) == sid .. ' ' .. jid then call('HDEL', node_key(node), 'suspect') end
  if n[2] then
    call('HDEL', node_key(node), 'kept')
    wake(node)
  end
end

-- put_back returns a running job to the head of its session's queue: its number is lower than that of any job
-- that has not run yet. One whose cancellation was asked for ends here; a closed session gets nothing back.
-- death, when its process died under it, is {problem of a job that is given up, who died}.
local function put_back(sid, jid, death)
  local key = job_key(sid, jid)
  local j = call('HMGET', key, 'state', 'node', 'number', 'cancel')
  if j[1] ~= 'running' then return end
  let_go(sid, jid, j[2])
  if refusal(sid) then
    call('HSET', key, 'state', 'cancelled')
    return
  end
  local deaths = 0
  if death then
    deaths = call('HINCRBY', key, 'deaths', 1)
    call('HSET', key, 'died', death[2])
  end
  if j[4] == '1' then
    over(sid, jid, 'cancelled')
  elseif deaths >= MOST_DEATHS then
    call('HSET', key, 'error', death[1])
    over(sid, jid, 'failed')
  else
    call('HSET', key, 'state', 'queued', 'started', '', 'stage', '', 'percent', '0')
    call('ZADD', session_key(sid) .. ':queue', j[3], jid)
  end
  record_job(sid, jid)
  drop(sid, jid)
  note_work(sid)
  find_place(sid)
  call_worker(sid)
end

-- empty_hands puts back what the workers of a node have in hand. problem, when its process died, is the JSON of what is wrong
-- with a job that is given up.
local function empty_hands(node, problem)
  local death = problem and {problem, node .. ' ' .. (call('HGET', node_key(node), 'generation') or '')}
  for _, member in ipairs(call('HKEYS', hand_key(node))) do
    local sid, jid = split(member)
    put_back(sid, jid, death)
  end
  call('DEL', hand_key(node))
  call('HDEL', node_key(node), 'suspect', 'kept')
end

-- evict sends the owners of a node's slots from the given one on to the line by their old ticket.
local function evict(node, first)
  for slot = first, slots_of(node) - 1 do
    local sid = owner(node, int(slot))
    if sid then stand_by(sid, false) end
  end
end

-- bury ends a node that is no more.
local function bury(node, problem)
  call('ZREM', NODES, node)
  withhold(node)
  empty_hands(node, problem)
  evict(node, 0)
  for slot = 0, slots_of(node) - 1 do call('SREM', RESTING, node .. ' ' .. int(slot)) end
  call('DEL', node_key(node))
  post('node ' .. node)
end
