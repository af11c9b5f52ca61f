package board

import (
	"io"
	"time"
)

// Port is a line as its user sees it: bytes, and how long a Read waits for
// the first of them. A Read that waited in vain gives 0, nil.
type Port interface {
	io.ReadWriteCloser
	SetReadTimeout(time.Duration) error
}

// Open opens a serial port, or connects to the serial server that its path
// names ("tcp://host:port"), which knows rate and parity by itself.
func Open(c SerialConfig) (Port, error) {
	if IsTCP(c.Path) {
		return OpenTCP(c.Path)
	}
	return OpenSerial(c)
}
