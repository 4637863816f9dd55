package httpapi

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// spoolFrom is from how many bytes on an answer waits for its reader on the disk rather than in memory. The kernel
// holds about as much for each connection anyway.
const spoolFrom = 256 << 10

// spooled is an answer that was made and is on its way. However many readers stall, what they have not taken yet
// costs disk, not memory.
type spooled struct {
	io.ReadSeeker
	file *os.File // nil when it is in memory
}

// spool keeps data until it is closed, in a file of folder that has no name any more. Where the disk takes nothing,
// reading goes on from memory.
func spool(folder string, data []byte) spooled {
	if len(data) >= spoolFrom {
		if file, err := unnamedFile(folder, data); err == nil {
			return spooled{ReadSeeker: io.NewSectionReader(file, 0, int64(len(data))), file: file}
		}
	}
	return spooled{ReadSeeker: bytes.NewReader(data)}
}

// unnamedFile makes a file of data that is gone once it is closed, also when the program dies.
func unnamedFile(folder string, data []byte) (*os.File, error) {
	file, err := os.CreateTemp(folder, "answer-*")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, os.Remove(file.Name())); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Close frees the room.
func (s spooled) Close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read, and is gone
	}
}
