package main

import (
	"io"
	"net"
	"testing"
	"time"
)

// delayed passes connections on to another address, each byte after a delay,
// in both directions.
func delayed(b testing.TB, to string, delay time.Duration) string {
	b.Helper()
	return between(b, to, func(to, from net.Conn) { pass(to, from, delay) })
}

// between passes connections on to another address; through carries one
// direction of each.
func between(b testing.TB, to string, through func(to, from net.Conn)) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			go through(s, c)
			go through(c, s)
		}
	}()
	return l.Addr().String()
}

type lump struct {
	at    time.Time
	bytes []byte
}

func pass(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	lumps := make(chan lump, 4096)
	go func() {
		defer close(lumps)
		for {
			buf := make([]byte, 4096)
			n, err := from.Read(buf)
			if n > 0 {
				lumps <- lump{time.Now().Add(delay), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for l := range lumps {
		time.Sleep(time.Until(l.at))
		if _, err := to.Write(l.bytes); err != nil {
			io.Copy(io.Discard, from)
			return
		}
	}
}
