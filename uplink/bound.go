package uplink

import (
	"bufio"
	"fmt"
	"net"
)

// bounded is a connection on which a broker sends MQTT packets of a size that
// a board can hold. The library makes room for what a packet's first five
// bytes promise, up to 256 MiB, before a byte of it has come; so the promise is
// read here first.
type bounded struct {
	net.Conn
	from   *bufio.Reader
	head   []byte // of a packet, that is not handed on yet
	left   int    // of the packet that is handed on
	packet bool   // one was seen
}

// mostPacket is the largest packet that is taken, in bytes after its head.
const mostPacket = 64 << 10

func newBounded(c net.Conn) *bounded { return &bounded{Conn: c, from: bufio.NewReaderSize(c, 2048)} }

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(b.head) == 0 && b.left == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Types of packets, MQTT 3.1.1 clause 2.2.1: the high half of the first byte.
const (
	typeConnack = 2
	tlsAlert    = 0x15 // the first byte of a record that refuses what is no TLS
)

// next reads the head of the next packet: its type, and its length in up to
// four bytes of seven bits, the lowest first (clause 2.2.3).
func (b *bounded) next() error {
	first, err := b.from.ReadByte()
	if err != nil {
		return err
	}
	if !b.packet {
		switch {
		case first == tlsAlert:
			return errWantsTLS
		case first>>4 != typeConnack:
			return errNoBroker
		}
		b.packet = true
	}
	head, length := []byte{first}, 0
	for shift := 0; ; shift += 7 {
		c, err := b.from.ReadByte()
		if err != nil {
			return err
		}
		if shift > 21 {
			return errNoBroker
		}
		head, length = append(head, c), length|int(c&0x7F)<<shift
		if c < 0x80 {
			break
		}
	}
	if length > mostPacket {
		return &packetError{length}
	}
	b.head, b.left = head, length
	return nil
}

// packetError is a packet that is larger than a board takes.
type packetError struct{ size int }

func (e *packetError) Error() string {
	return fmt.Sprintf("the broker sends a packet of %d bytes, the most is %d", e.size, mostPacket)
}
