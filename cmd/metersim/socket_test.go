package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestMetersOnASocket asks a meter over a socket, also after the other
// program has made its socket anew.
func TestMetersOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "line")
	line := &dlt645test.Line{Baud: 9600, Meters: newMeters(1, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveSocket(ctx, path, line)
	}()
	for range 2 {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		request := dlt645.Frame{Address: line.Meters[0].Address, Control: 0x11, Data: []byte{0x00, 0x01, 0x01, 0x02}}
		wire, err := request.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
		var held []byte
		var answer dlt645.Frame
		for ok := false; !ok; {
			b := make([]byte, 256)
			n, err := conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, b[:n]...)
			_, ok = dlt645.Scan(held, &answer)
		}
		if answer.Control != 0x91 || answer.Address != line.Meters[0].Address {
			t.Errorf("got %+v, want its answer to a read", answer)
		}
		conn.Close()
		l.Close()
	}
	cancel()
	<-done
}
