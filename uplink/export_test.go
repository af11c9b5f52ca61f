package uplink

import "time"

// Hurry shortens the pause before an attempt to connect.
func (c *Config) Hurry(least time.Duration) { c.least = least }
