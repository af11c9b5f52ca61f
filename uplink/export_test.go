package uplink

import (
	"context"
	"net"
	"time"
)

// Reach replaces the network.
func (e *Endpoint) Reach(reach func(ctx context.Context, network, addr string) (net.Conn, error)) {
	e.reach = reach
}

// Hurry shortens the pause before an attempt to connect.
func (c *Config) Hurry(least time.Duration) { c.least = least }
