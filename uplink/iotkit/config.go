package iotkit

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
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
	ProductKey, ProductSecret, DeviceName, Model string // of the gateway
	SubProductKey, SubModel                      string // of the meters
	// Prefix stands before a meter's address in its default name: the platform
	// finds devices by their names alone, across all its users (K8).
	Prefix   string
	Backfill string // BackfillLatest, BackfillAll, BackfillEvent
	Devices  []Device
	Rows     []uplink.Row // rows that name a point replace its default
	Points   *meter.Points
	Now      func() time.Time // tells what is old; nil: time.Now
}

// Device is a meter on the platform.
type Device struct {
	Meter dlt645.Address
	Name  string // its deviceName; "" is Prefix and the address
}

func (c *Config) name(d Device) string {
	if d.Name == "" {
		return c.Prefix + d.Meter.String()
	}
	return d.Name
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
	names := map[string]bool{c.DeviceName: true}
	for _, d := range c.Devices {
		name := c.name(d)
		level("the name of meter "+d.Meter.String(), name)
		if names[name] {
			problem("the name %q is given twice; the platform tells devices apart by their names alone", name)
		}
		names[name] = true
	}
	switch c.Backfill {
	case "", BackfillLatest, BackfillAll, BackfillEvent:
	default:
		problem("backfill %q is none of %s, %s, %s", c.Backfill, BackfillLatest, BackfillAll, BackfillEvent)
	}
	for _, r := range c.Rows {
		if c.Backfill == BackfillEvent && r.To == timeKey {
			problem("point %s is mapped to %q, which is the time of old readings with backfill = %q", r.Point, timeKey, BackfillEvent)
		}
	}
	return errors.Join(problems...)
}
