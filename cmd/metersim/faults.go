package main

import (
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// cloudFault is a way in which a simulated platform misbehaves.
type cloudFault struct{ name, does string }

// cloudFaultsOf are those of each kind of platform. Each comes at a rate, by
// default always.
var cloudFaultsOf = map[string][]cloudFault{
	"tuya": {
		{"silent", "a report is stored and not answered"}, {"busy", "500: later"}, {"untimely", "1001: the time is out of range"}, {"range", "1101: out of range"},
		{"offline", "2001: the device is offline"}, {"unsupported", "2002: no such data point"}, {"forget", "2003: no such device"},
	},
	"onenet": {
		{"silent", "what comes is stored and not answered"}, {"bad", "a message is rejected with its id, code 98"}, {"unreadable", "a message is rejected without its id, code 98"},
	},
	"onenet-studio": {
		{"silent", "what comes is not answered"}, {"bad", "a message is refused, code 2400"}, {"no-wildcard", "the subscription to all topics at once is refused, whatever the rate"},
	},
	"das": {
		{"silent", "what comes is stored and not answered"}, {"busy", "429: later"}, {"filter", "460: some values are left out"}, {"unbound", "40004 for each login, whatever the rate"},
		{"info-topic", "the shadow is answered on the topic that its page prints, whatever the rate"},
	},
	"iotkit": {
		{"silent", "a post is stored and not answered"}, {"refuse", "a post is refused, code 1"}, {"unregister", "a registration fails, code 1"},
		{"hide", "the topology lacks a sub-device; with -enjoyiot"},
	},
	"mqtt": {
		{"silent", "a message is stored and not acknowledged; with -reply"}, {"bad", "a message cannot be stored; with -reply"},
	},
}

// cloudFaults are the rates of what is switched on.
type cloudFaults struct {
	kind  string
	rates map[string]float64
	help  bool // they are to be listed, and nothing else
}

func cloudFaultNames(kind string) []string {
	var names []string
	for _, f := range cloudFaultsOf[kind] {
		names = append(names, f.name)
	}
	return names
}

// usage is what the flag's own help says.
func (c *cloudFaults) usage() string {
	return "NAME or NAME=RATE, or help: " + strings.Join(cloudFaultNames(c.kind), ", ")
}

func (c *cloudFaults) set(s string) error {
	if s == "help" {
		c.help = true
		return nil
	}
	name, rate, given := strings.Cut(s, "=")
	if !slices.Contains(cloudFaultNames(c.kind), name) {
		return fmt.Errorf("unknown fault %q: know %s", name, strings.Join(cloudFaultNames(c.kind), ", "))
	}
	v := 1.0
	if given {
		var err error
		if v, err = strconv.ParseFloat(rate, 64); err != nil || !(v >= 0 && v <= 1) {
			return fmt.Errorf("rate %q is not between 0 and 1", rate)
		}
	}
	if c.rates == nil {
		c.rates = map[string]float64{}
	}
	c.rates[name] = v
	return nil
}

// list prints each fault with what it does.
func (c *cloudFaults) list(w io.Writer) {
	for _, f := range cloudFaultsOf[c.kind] {
		fmt.Fprintf(w, "%-12s %s\n", f.name, f.does)
	}
}

// on reports whether a fault is switched on at all.
func (c *cloudFaults) on(name string) bool { return c.rates[name] > 0 }

// now draws whether a fault comes now.
func (c *cloudFaults) now(name string) bool { return mathrand.Float64() < c.rates[name] }

// answer draws what a platform says instead, of the codes by the names of
// faults; 0 and false: what it says anyway.
func (c *cloudFaults) answer(codes map[string]int) (code int, silent bool) {
	for _, f := range cloudFaultsOf[c.kind] {
		switch code, ok := codes[f.name]; {
		case f.name == "silent" && c.now(f.name):
			return 0, true
		case ok && c.now(f.name):
			return code, false
		}
	}
	return 0, false
}
