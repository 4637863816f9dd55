-- submit: session id, most jobs that may be queued, the submission's key or '', then for each job: id, model, image, width,
-- height, spec
-- -> {when}: they are queued | {'known', job...}: the key has made these before, each as PUBLIC_JOB
--    | why not: 'gone', 'closed', 'full', or 'void' after void.lua. All jobs or none; without jobs it only asks for the key. What was
--    deleted since is not known, and a key that has made nothing else is as new.
-- A second call with the same ids, after a lost reply, changes nothing.

local sid, most, idempotency = arg(1), num(arg(2)), arg(3)
local key = session_key(sid)
local no = refusal(sid)
if no then return no end

local jobs = (argc - 3) / 6
for at = 4, argc, 6 do -- some may have been deleted already
  local known = call('HGET', job_key(sid, arg(at)), 'created')
  if known then return {known} end
end
if jobs > 0 and call('EXISTS', void_key(sid, arg(4))) == 1 then return 'void' end
local before = idempotency ~= '' and call('HGET', key .. ':keys', idempotency)
local reply = {'known'}
for jid in string.gmatch(before or '', '%S+') do
  if call('EXISTS', job_key(sid, jid)) == 1 then reply[#reply + 1] = call('HMGET', job_key(sid, jid), unpack(PUBLIC_JOB)) end
end
if #reply > 1 or jobs == 0 then return reply end

if queued(sid) + jobs > most then return 'full' end
local made = {}
for i = 0, jobs - 1 do
  local at = 4 + i * 6
  local jid = arg(at)
  local number = int(call('HINCRBY', key, 'number', 1))
  call('HSET', job_key(sid, jid), 'id', jid, 'number', number, 'model', arg(at + 1), 'image', arg(at + 2),
    'width', arg(at + 3), 'height', arg(at + 4), 'spec', arg(at + 5), 'state', 'queued', 'stage', '', 'percent', 0,
    'error', '', 'created', int(WALL), 'started', '', 'finished', '', 'decode', '', 'infer', '', 'postprocess', '',
    'attempt', 0, 'cancel', '', 'node', '', 'deaths', 0, 'died', '')
  call('ZADD', key .. ':queue', number, jid)
  call('ZADD', key .. ':jobs', number, jid)
  call('ZADD', image_key(sid, arg(at + 2)), number, jid)
  if idempotency ~= '' then call('HSET', job_key(sid, jid), 'key', idempotency) end
  weigh(sid, jid, 1)
  record_job(sid, jid)
  made[i + 1] = jid
end
if idempotency ~= '' then
  call('HSET', key .. ':keys', idempotency, table.concat(made, ' '))
  call('HSET', key .. ':left', idempotency, int(jobs))
end
call('ZADD', SEEN, int(NOW), sid)
note_work(sid)
find_place(sid)
post_load(sid)
call_worker(sid)
call_help()
publish()
return {int(WALL)}
