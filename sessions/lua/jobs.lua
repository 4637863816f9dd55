-- jobs: session id, number below which to begin ('+inf' for the newest), state ('' for all), most to return, most
-- to look at -> {number to go on below or '', job...} newest first, each as PUBLIC_JOB; or why not.

local sid, below, state, most, look = arg(1), arg(2), arg(3), num(arg(4)), num(arg(5))
local key = session_key(sid)
local no = refusal(sid)
if no then return no end
if below ~= '+inf' then below = '(' .. below end
local reply = {''}
local rows = call('ZREVRANGEBYSCORE', key .. ':jobs', below, '-inf', 'WITHSCORES', 'LIMIT', 0, look + 1)
for i = 1, math.min(#rows, look * 2), 2 do
  local job = job_key(sid, rows[i])
  if state == '' or call('HGET', job, 'state') == state then reply[#reply + 1] = call('HMGET', job, unpack(PUBLIC_JOB)) end
  if i + 2 < #rows and (#reply - 1 == most or i + 2 > look * 2) then
    reply[1] = rows[i + 1]
    break
  end
  if #reply - 1 == most then break end
end
return reply
