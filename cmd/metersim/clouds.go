package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"meterd/uplink/uplinktest"
)

// simulated is a strict platform that is served until the end.
type simulated struct {
	uplinktest.Platform
	rules uplinktest.Rules
	// report tells what was stored, a line each, and what the document does not
	// allow.
	report func() (stored, violations []string)
	// tally counts what came again and was known to be the same.
	tally func() (repeats int, violations []string)
}

// otherClouds are the platforms besides Tuya.
var otherClouds = map[string]func(*flag.FlagSet, *cloudFaults) func() (*simulated, error){
	"onenet": onenetCloud, "onenet-studio": onenetCloud, "das": dasCloud, "iotkit": iotkitCloud, "mqtt": ownCloud,
}

func runOtherCloud(ctx context.Context, kind string, args []string) error {
	f := flags("cloud " + kind)
	listen := f.String("listen", "127.0.0.1:1883", "where the broker listens")
	faults := cloudFaults{kind: kind}
	f.Func("fault", faults.usage(), faults.set)
	build := otherClouds[kind](f, &faults)
	if err := parse(f, args); err != nil {
		return err
	}
	if faults.help {
		faults.list(os.Stdout)
		return nil
	}
	p, err := build()
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		return errUsage
	}
	return p.serve(ctx, kind, *listen)
}

func (p *simulated) serve(ctx context.Context, kind, listen string) error {
	c, err := startCloud(p, listen)
	if err != nil {
		return err
	}
	defer c.close()
	fmt.Fprintf(os.Stderr, "%s platform on tcp://%s\n", kind, c.addr)
	<-ctx.Done()
	stored, violations := p.report()
	for _, line := range stored {
		fmt.Println(line)
	}
	fmt.Fprintf(os.Stderr, "%d stored, %d violations\n", len(stored), len(violations))
	for _, v := range violations {
		fmt.Fprintln(os.Stderr, "violation:", v)
	}
	if len(violations) > 0 {
		return errors.New("the gateway did what the document does not allow")
	}
	return nil
}

// subs reads -sub NAME=SECRET.
func subs(f *flag.FlagSet) map[string]string {
	all := map[string]string{}
	f.Func("sub", "NAME=SECRET, a sub-device; may be given several times", func(s string) error {
		name, secret, _ := strings.Cut(s, "=")
		all[name] = secret
		return nil
	})
	return all
}

func at(millis int64) string { return time.UnixMilli(millis).Format(time.RFC3339) }

// onenetCloud simulates OneNET, the old suite or Studio by the flag set's name.
func onenetCloud(f *flag.FlagSet, faults *cloudFaults) func() (*simulated, error) {
	p := &uplinktest.Onenet{Studio: strings.HasSuffix(f.Name(), "studio"), Keys: subs(f)}
	f.StringVar(&p.ProductID, "product", "469948", "product id")
	f.StringVar(&p.Device, "device", "Chic_D", "the gateway's name")
	f.StringVar(&p.AccessKey, "key", "", "the gateway's access key, Base64 (required)")
	refuse := f.String("refuse", "", "an identifier whose values are refused")
	return func() (*simulated, error) {
		if p.AccessKey == "" {
			return nil, errors.New("-key is required")
		}
		p.Bad = func(_, key string) bool { return *refuse != "" && key == *refuse || faults.now("bad") }
		p.Silent = func(string) bool { return faults.now("silent") }
		p.Unreadable = func([]byte) bool { return faults.now("unreadable") }
		p.NoWildcard = faults.on("no-wildcard")
		return &simulated{Platform: p, rules: uplinktest.Rules{Allow: p.Allow, Subscribe: p.AllowSubscribe}, report: func() (stored, violations []string) {
			seen := p.Seen()
			slices.SortFunc(seen.Points, func(a, b uplinktest.OnenetPoint) int { return int(a.Millis - b.Millis) })
			for _, v := range seen.Points {
				stored = append(stored, fmt.Sprintf("%s  %s  %s = %s", at(v.Millis), v.Device, v.Key, v.Value))
			}
			return stored, seen.Violations
		}}, nil
	}
}

// dasCloud simulates DAS AIoT.
func dasCloud(f *flag.FlagSet, faults *cloudFaults) func() (*simulated, error) {
	p := &uplinktest.DAS{}
	f.StringVar(&p.ProductID, "product", "pk", "product id of the gateway and of its sub-devices")
	f.StringVar(&p.DeviceID, "device", "device", "the gateway's device id")
	f.StringVar(&p.DeviceSecret, "secret", "", "the gateway's secret (required)")
	devices := subs(f)
	return func() (*simulated, error) {
		if p.DeviceSecret == "" {
			return nil, errors.New("-secret is required")
		}
		for id, secret := range devices {
			p.SubDevices = append(p.SubDevices, uplinktest.DASDevice{ProductID: p.ProductID, DeviceID: id, Secret: secret, Unbound: faults.on("unbound")})
		}
		p.InfoTopic = faults.on("info-topic")
		p.Answer = func(string) (int, bool) { return faults.answer(map[string]int{"busy": 429}) }
		p.Filter = func(_, _ string) bool { return faults.now("filter") }
		return &simulated{Platform: p, rules: uplinktest.Rules{Allow: p.Allow, Subscribe: p.AllowSubscribe}, report: func() (stored, violations []string) {
			seen := p.Seen()
			for _, v := range seen.Values {
				stored = append(stored, fmt.Sprintf("%s  %s  %s = %s", at(v.Time), v.Device, v.Identifier, v.Value))
			}
			return stored, seen.Violations
		}}, nil
	}
}

// iotkitCloud simulates iotkit.
func iotkitCloud(f *flag.FlagSet, faults *cloudFaults) func() (*simulated, error) {
	p := &uplinktest.Iotkit{Products: map[string]string{}}
	product := f.String("product", "", "product key of the gateways (required)")
	secret := f.String("secret", "", "its secret (required)")
	sub := f.String("sub-product", "", "product key of the meters (required)")
	f.BoolVar(&p.Enjoyiot, "enjoyiot", false, "be that fork, with topology and shadows")
	f.BoolVar(&p.ReplyOnS, "reply-on-s", false, "answer on the request's own topic, as one version does")
	return func() (*simulated, error) {
		if *product == "" || *secret == "" || *sub == "" {
			return nil, errors.New("-product, -secret and -sub-product are required")
		}
		p.Products[*product], p.Products[*sub] = *secret, "nobody asks for it"
		p.Hidden = func(string) bool { return faults.now("hide") }
		p.Answer = func(what, _ string) (code int, silent bool) {
			if what == "register" {
				return faults.answer(map[string]int{"unregister": 1})
			}
			return faults.answer(map[string]int{"refuse": 1})
		}
		return &simulated{
			Platform: p, rules: uplinktest.Rules{Allow: p.Allow, Subscribe: p.Subscribed, Unsubscribed: p.Unsubscribed, Opens: p.On},
			report: func() (stored, violations []string) {
				seen := p.Seen()
				for _, v := range seen.Posts {
					stored = append(stored, fmt.Sprintf("%s  %s%s %v", v.At.Format(time.RFC3339), v.Device, v.Event, v.Params))
				}
				return stored, seen.Violations
			},
		}, nil
	}
}

// ownCloud simulates who consumes behind a broker of one's own.
func ownCloud(f *flag.FlagSet, faults *cloudFaults) func() (*simulated, error) {
	p := &uplinktest.Consumer{}
	f.StringVar(&p.Gateway, "gateway", "gw0001", "gateway.id of the board")
	f.StringVar(&p.Prefix, "prefix", "meterd", "what stands before it in topics")
	f.StringVar(&p.Layout, "layout", "json", "json, flat or thingsboard")
	f.BoolVar(&p.Reply, "reply", false, "answer what is stored, for acknowledge = \"reply\"")
	user := f.String("user", "", "user name that is let in; none: anybody")
	password := f.String("password", "", "its password")
	return func() (*simulated, error) {
		if !slices.Contains([]string{"json", "flat", "thingsboard"}, p.Layout) || p.Reply && p.Layout != "json" {
			return nil, fmt.Errorf("there is no layout %q, or none with -reply", p.Layout)
		}
		p.Silent = func(string) bool { return faults.now("silent") }
		p.Bad = func(_, _ string) bool { return faults.now("bad") }
		allow := func(_, name, word string) bool { return *user == "" || name == *user && word == *password }
		return &simulated{Platform: p, rules: uplinktest.Rules{Allow: allow, Published: p.Published}, report: func() (stored, violations []string) {
			seen := p.Seen()
			for _, v := range seen.Values {
				stored = append(stored, fmt.Sprintf("%s  %s  %s = %s", at(v.Millis), v.Meter, v.Key, v.Value))
			}
			return stored, seen.Violations
		}}, nil
	}
}
