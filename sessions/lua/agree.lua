-- agree: version of the keys that this hub writes, its storage's name or '' -> 'ok', or 'version' or 'storage' and how many sessions
-- it may not touch for that. Where nobody's session is there it makes them its own.

local version, storage = arg(1), arg(2)
local their_version, their_storage = call('GET', KEY.version), call('GET', KEY.storage)
local open = call('ZCARD', SEEN) + call('SCARD', CLOSING)
-- The first version wrote none.
local other_version = their_version and their_version ~= version or not their_version and open > 0
if open > 0 and other_version then return {'version', int(open)} end
if open > 0 and storage ~= '' and their_storage and their_storage ~= storage then return {'storage', int(open)} end
if other_version or (not their_version and call('EXISTS', KEY.ticket) == 1) then
  call('DEL', LINE, NODES, FREE, RESERVED, BACKLOG, RESTING, BOARD, CHANGES, RATES)
end
if their_version ~= version then call('SET', KEY.version, version) end
if storage ~= '' and their_storage ~= storage then call('SET', KEY.storage, storage) end
return {'ok'}
