package tool

import (
	"context"
	"time"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/report"
	"meterd/meter"
	"meterd/store"
)

// reportRing writes the page for a browser of a ring. What is not in the ring, as
// how the board is, is not on it.
func reportRing(path, file string, s cli.Streams) error {
	c := report.Config{Points: &meter.Points{}, Zone: time.Local, Now: time.Now(), Doubted: true, Write: func(b []byte) error { _, err := s.Out.Write(b); return err }}
	if file != "" {
		conf, problems := config.Load(file)
		if config.Unusable(problems) {
			return cli.Fail("meterd check "+file+" tells them", "%s has mistakes", file)
		}
		c.Points, c.Zone, c.Gateway = conf.Points, conf.Gateway.Zone, conf.Gateway.ID
		for _, m := range conf.Meters {
			c.Meters = append(c.Meters, m.Handle)
		}
	}
	var err error
	if c.Ring, err = store.OpenReadOnly(path, meter.Packing{}); err != nil {
		return cli.Fail("name the file of [store] path, or a copy of it", "%v", err)
	}
	defer c.Ring.Close()
	_, err = report.Write(context.Background(), c)
	return err
}
