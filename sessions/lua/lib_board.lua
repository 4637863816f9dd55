-- The board: what one must know to say who is next and when. Each node keeps a copy of it (mirror.go) and computes places and
-- estimates itself, so that nobody reads the whole line here. It is a hash, and the log of its changes by a number that has no
-- gaps; the truth is elsewhere. Its fields, with values in JSON:
--
--   wait SESSION       {ticket, load} of one that stands in line
--   slot NODE SLOT     {owner, held, load, at} of a slot that has an owner: since when it is held, and what the load was at NOW
--   node NODE          {open, draining, models}: which slots are open, a letter each, '1' or '0'; the models that it has, '' where it does
--                      not say
--
-- A load is {model: [jobs, pixels]} of all jobs that are not over. That of a slot's owner shrinks while it works, of which the
-- board is told only while others wait (turns.lua).

local BOARD, CHANGES = KEY.board, KEY['board:log']
local MOST_CHANGES = 20000 -- a copy that is behind by more reads the board anew

local function newest_change()
  local entry = call('XREVRANGE', CHANGES, '+', '-', 'COUNT', 1)[1]
  return entry and num(string.match(entry[1], '^%d+')) or 0
end

-- post writes a field of the board; without a value it goes.
local function post(field, value)
  local text = value and cjson.encode(value) or ''
  if value then
    call('HSET', BOARD, field, text)
  elseif call('HDEL', BOARD, field) == 0 then
    return
  end
  call('XADD', CHANGES, 'MAXLEN', '~', MOST_CHANGES, int(newest_change() + 1) .. '-0', field, text)
  posted = true
end

-- weigh adds a job to what its session asks for, or takes it off.
local function weigh(sid, jid, sign)
  local j = call('HMGET', job_key(sid, jid), 'model', 'width', 'height')
  local load = session_key(sid) .. ':load'
  call('HINCRBY', load, 'pixels ' .. j[1], int(sign * num(j[2]) * num(j[3])))
  if call('HINCRBY', load, 'jobs ' .. j[1], sign) <= 0 then call('HDEL', load, 'jobs ' .. j[1], 'pixels ' .. j[1]) end
end

-- load_of is nil where there is nothing to do.
local function load_of(sid)
  local fields, load = call('HGETALL', session_key(sid) .. ':load'), {}
  for i = 1, #fields, 2 do
    local what, model = split(fields[i])
    load[model] = load[model] or {0, 0}
    load[model][what == 'jobs' and 1 or 2] = num(fields[i + 1])
  end
  return next(load) and load or nil
end

-- post_load tells how much a session that waits or holds a slot still asks for.
local function post_load(sid)
  local s = call('HMGET', session_key(sid), 'state', 'ticket', 'node', 'slot', 'held', 'idle')
  if s[1] == 'waiting' then
    post('wait ' .. sid, {ticket = num(s[2]), load = load_of(sid)})
  elseif s[4] ~= '' and s[1] == 'active' then
    post('slot ' .. s[3] .. ' ' .. s[4], {owner = sid, held = num(s[5]), idle = s[6] ~= '' and num(s[6]) or nil, load = load_of(sid), at = NOW})
  end
end

local function post_node(node)
  local n = call('HMGET', node_key(node), 'open', 'draining', 'models')
  post('node ' .. node, {open = n[1], draining = n[2] == '1', models = n[3] or ''})
end
