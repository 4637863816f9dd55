-- create: session id, name, SHA-256 of the token, and version and storage as for agree -> the session as PUBLIC_SESSION.
-- A second call with the same id, after a lost reply, changes nothing.

local sid, name, token, version, storage = arg(1), arg(2), arg(3), arg(4), arg(5)
if call('EXISTS', session_key(sid)) == 0 then
  -- Redis may have lost everything since the hubs agreed: without these, the session would be taken for one of the first version.
  if call('ZCARD', SEEN) + call('SCARD', CLOSING) == 0 then
    call('SET', KEY.version, version, 'NX')
    if storage ~= '' then call('SET', KEY.storage, storage, 'NX') end
  end
  call('HSET', session_key(sid), 'name', name, 'token', token, 'created', int(WALL), 'state', 'idle', 'node', NODE,
    'slot', '', 'held', 0, 'ticket', '', 'idle', int(NOW), 'seq', 0, 'number', 0,
    'done', 0, 'failed', 0, 'cancelled', 0)
  call('SET', PREFIX .. 'token:' .. token, sid)
  call('ZADD', SEEN, int(NOW), sid)
  reserve(sid)
end
publish()
return describe(sid)
