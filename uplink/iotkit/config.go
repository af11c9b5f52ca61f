package iotkit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"meterd/uplink"
)

// What becomes of readings that are too old to be taken for live ones; the
// first is the default.
const (
	BackfillLatest = "latest" // they are withheld
	BackfillAll    = "all"    // they are sent; the platform dates them by their arrival
	BackfillEvent  = "event"  // they are sent as an event that carries its time
)

// Config is what the platform needs to know.
type Config struct {
	ProductKey, ProductSecret, DeviceName, Model string            // of the gateway
	SubProductKey, SubModel                      string            // of the meters
	Backfill                                     string            // BackfillLatest, BackfillAll, BackfillEvent
	Directory                                    *uplink.Directory // a device's id is its deviceName
	Now                                          func() time.Time  // tells what is old; nil: time.Now
	// Enjoyiot has the topology used, which the document of that fork alone
	// describes.
	Enjoyiot bool
	// Shadow has what the platform wishes of a meter carried out. Needs Enjoyiot.
	Shadow bool
	// TellsBoard has the gateway's product define the board's properties.
	TellsBoard bool
	// Trusted tells whether the clock is; nil: it is. While it is not, nobody knows
	// how old a wish is.
	Trusted func() bool
}

// Check reports what the platform would not take. The broker splits the
// client id at underscores: with others than the two between product key,
// name and model, or without a model, it refuses the connect.
func Check(c Config) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, f := range []struct{ key, value string }{{"product_key", c.ProductKey}, {"device_name", c.DeviceName}, {"model", c.Model}} {
		if f.value == "" {
			problem("%s is empty", f.key)
		}
		if strings.Contains(f.value, "_") {
			problem("%s %q holds an underscore, at which the platform splits the client id", f.key, f.value)
		}
	}
	if c.Shadow && !c.Enjoyiot {
		problem("shadow is of platform = \"enjoyiot\" alone")
	}
	if c.ProductSecret == "" {
		problem("product_secret is empty")
	}
	if c.SubProductKey == "" {
		problem("sub_product_key is empty")
	}
	level := func(key, value string) {
		if strings.ContainsAny(value, "/+#\x00") {
			problem("%s %q holds a character that has a meaning in topics: / + #", key, value)
		}
	}
	level("product_key", c.ProductKey)
	level("device_name", c.DeviceName)
	level("sub_product_key", c.SubProductKey)
	if c.Directory != nil {
		for _, d := range c.Directory.Devices() {
			level("the name of meter "+d.Address().String(), d.ID)
			if d.ID == c.DeviceName {
				problem("the name %q is that of the gateway and of a meter; the platform tells devices apart by their names alone", d.ID)
			}
		}
		if r, ok := c.Directory.Point(timeKey); ok && c.Backfill == BackfillEvent {
			problem("point %s is mapped to %q, which is the time of old readings with backfill = %q", r.Point, timeKey, BackfillEvent)
		}
	}
	switch c.Backfill {
	case "", BackfillLatest, BackfillAll, BackfillEvent:
	default:
		problem("backfill %q is none of %s, %s, %s", c.Backfill, BackfillLatest, BackfillAll, BackfillEvent)
	}
	return errors.Join(problems...)
}
