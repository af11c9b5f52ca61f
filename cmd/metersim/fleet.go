package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"meterd/cmd/metersim/fleet"
	"meterd/uplink/uplinktest"
)

// stormSpread is the uplink.spread of the second storm.
const stormSpread = 30 * time.Second

// fleetConfig reads the command line. Without a broker there is none in it.
func fleetConfig(args []string) (fleet.Config, error) {
	f := flags("fleet")
	c := fleet.Config{Out: os.Stderr}
	f.IntVar(&c.Boards, "boards", 1000, "how many")
	f.IntVar(&c.Meters, "meters", 32, "of each board")
	brokers := f.String("broker", "", "tcp://127.0.0.1:port, or several with commas; default: a mosquitto that is started for it")
	f.StringVar(&c.Username, "username", "", "of the boards and of the consumer")
	f.StringVar(&c.Password, "password", "", "with it")
	f.StringVar(&c.Acknowledge, "acknowledge", "puback", "puback or reply, as uplink.mqtt.acknowledge")
	f.DurationVar(&c.Every, "every", time.Minute, "between two rounds")
	f.DurationVar(&c.For, "for", time.Minute, "how long it is measured; at most 1h")
	f.DurationVar(&c.Dark, "dark", 5*time.Second, "how long the power is away in a storm")
	storm := f.Bool("storm", false, "all boards lose their power and come back: at once, and with -spread")
	spread := f.Duration("spread", stormSpread, "the jitter of the second storm, as uplink.spread")
	if err := parse(f, args); err != nil {
		return c, err
	}
	if *brokers != "" {
		c.Brokers = strings.Split(*brokers, ",")
	}
	if *storm {
		c.Spreads = []time.Duration{0, *spread}
	}
	return c, nil
}

// runFleet runs many boards against brokers of this host.
func runFleet(ctx context.Context, args []string) error {
	c, err := fleetConfig(args)
	if err != nil {
		return err
	}
	checked := c
	if len(c.Brokers) == 0 {
		checked.Brokers = []string{"tcp://127.0.0.1:1883"}
	}
	if err := checked.Check(); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		return errUsage
	}
	if err := fleet.RoomForFiles(c.Boards); err != nil { // the broker's too
		return err
	}
	if len(c.Brokers) == 0 {
		m, end, err := fleetBroker()
		if err != nil {
			return err
		}
		defer end()
		c.Brokers, c.Username, c.Password = []string{"tcp://" + m.Addr()}, "fleet", stageSecret
	}
	figures, err := fleet.Run(ctx, c)
	if err != nil {
		return err
	}
	fmt.Print(figures)
	if figures.Missing > 0 || len(figures.Wrong) > 0 {
		return errors.New("the consumer has not what the boards delivered")
	}
	return nil
}

// fleetBroker starts a mosquitto that drops nothing for a consumer that falls
// behind.
func fleetBroker() (*uplinktest.Mosquitto, func(), error) {
	dir, err := os.MkdirTemp("", "metersim-broker-")
	if err != nil {
		return nil, nil, err
	}
	m, err := uplinktest.SetMosquitto(dir, map[string]string{"fleet": stageSecret}, "max_queued_messages 0", "log_type none")
	if err == nil {
		err = m.Start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return m, func() {
		m.Stop()
		os.RemoveAll(dir)
	}, nil
}
