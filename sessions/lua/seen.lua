-- seen: ids of sessions that have a socket or have called.

for i = 1, argc do call('ZADD', SEEN, 'XX', int(NOW), arg(i)) end
