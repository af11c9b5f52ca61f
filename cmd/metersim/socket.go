package main

import (
	"context"
	"net"
	"time"

	"meterd/dlt645/dlt645test"
)

// serveSocket lets a line answer on a unix socket that another program has
// made, such as the serial port of a machine in software. It connects again
// when that program was started anew.
func serveSocket(ctx context.Context, path string, line *dlt645test.Line) {
	for ctx.Err() == nil {
		conn, err := net.Dial("unix", path)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			line.Serve(ctx, conn)
			stop()
			conn.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
