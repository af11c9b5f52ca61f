package board

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// A message of NTP as a simple client needs it (RFC 4330, section 4):
//
//	0   leap indicator, 2 bits; version, 3; mode, 3
//	1   stratum
//	24  originate: what the client has put into transmit, 8 bytes
//	32  receive, 8 bytes
//	40  transmit, 8 bytes
const (
	ntpSize   = 48
	ntpClient = 4<<3 | 3 // version 4, mode 3
	ntpServer = 4        // mode
	// askWithin is how long an answer may take.
	askWithin = 5 * time.Second
)

// AskTime asks an NTP server, with a port or without, for the time, with half
// the answer's way taken off. An answer that vouches for nothing is an error.
func AskTime(ctx context.Context, server string) (time.Time, error) {
	at := server
	if _, _, err := net.SplitHostPort(server); err != nil {
		at = net.JoinHostPort(server, "123")
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", at)
	if err != nil {
		return time.Time{}, fmt.Errorf("board: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	q := make([]byte, ntpSize)
	q[0] = ntpClient
	rand.Read(q[40:]) // instead of our time: an answer that has it is one to this question
	sent := time.Now()
	if _, err := c.Write(q); err != nil {
		return time.Time{}, fmt.Errorf("board: %w", err)
	}
	for a := make([]byte, 512); ; {
		n, err := c.Read(a)
		if err != nil {
			return time.Time{}, fmt.Errorf("board: %s does not tell the time: %w", server, errors.Join(ctx.Err(), err))
		}
		if n < ntpSize || !bytes.Equal(a[24:32], q[40:48]) {
			continue // to somebody else, or by somebody else
		}
		there, spent, err := ntpAnswer(a[:n])
		if err != nil {
			return time.Time{}, fmt.Errorf("board: %s: %w", server, err)
		}
		now := time.Now()
		return there.Add((now.Sub(sent) - spent) / 2), nil
	}
}

// ntpAnswer gives the time at which an answer was sent, and how long the server
// had the question.
func ntpAnswer(a []byte) (sent time.Time, spent time.Duration, err error) {
	switch {
	case a[0]&7 != ntpServer:
		err = fmt.Errorf("mode %d is no answer", a[0]&7)
	case a[0]>>6 == 3:
		err = errors.New("its clock is not in step")
	case a[1] == 0:
		err = fmt.Errorf("it refuses: %q", a[12:16]) // RFC 4330, section 8
	case a[1] > 15:
		err = fmt.Errorf("stratum %d is out of step", a[1])
	case binary.BigEndian.Uint64(a[40:]) == 0:
		err = errors.New("it tells no time")
	}
	if err != nil {
		return time.Time{}, 0, err
	}
	sent = ntpStamp(a[40:])
	return sent, max(0, sent.Sub(ntpStamp(a[32:]))), nil
}

// ntpStamp reads 32 bits of seconds and 32 of their fraction. Without the
// highest bit they count from 7 February 2036, 06:28:16, else from 1900
// (RFC 4330, section 3).
func ntpStamp(b []byte) time.Time {
	const from1900 = 2208988800 // seconds to 1970
	s := int64(binary.BigEndian.Uint32(b))
	if s < 1<<31 {
		s += 1 << 32
	}
	return time.Unix(s-from1900, int64(uint64(binary.BigEndian.Uint32(b[4:]))*uint64(time.Second)>>32))
}
