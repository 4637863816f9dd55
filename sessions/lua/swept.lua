-- swept: id of a closed session whose jobs and files are deleted.

return call('SREM', CLOSING, arg(1))
