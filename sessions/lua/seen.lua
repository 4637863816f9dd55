-- seen: ids of sessions that have a socket.

for i = 1, #ARGV - 6 do call('ZADD', SEEN, 'XX', int(NOW), arg(i)) end
