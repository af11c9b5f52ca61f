package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"meterd/uplink/uplinktest"
)

// runOnenet simulates OneNET, the old suite or Studio.
func runOnenet(ctx context.Context, kind string, args []string) error {
	f := flags("cloud " + kind)
	listen := f.String("listen", "127.0.0.1:1883", "where the broker listens")
	p := &uplinktest.Onenet{Studio: kind == "onenet-studio", Keys: map[string]string{}}
	f.StringVar(&p.ProductID, "product", "469948", "product id")
	f.StringVar(&p.Device, "device", "Chic_D", "the gateway's name")
	f.StringVar(&p.AccessKey, "key", "", "the gateway's access key, Base64 (required)")
	f.Func("sub", "NAME=KEY, a sub-device and its access key; may be given several times", func(s string) error {
		name, key, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("want NAME=KEY")
		}
		p.Keys[name] = key
		return nil
	})
	bad := f.String("refuse", "", "an identifier whose values are refused")
	if err := parse(f, args); err != nil {
		return err
	}
	if p.AccessKey == "" {
		fmt.Fprintln(os.Stderr, "error: -key is required")
		return errUsage
	}
	p.Bad = func(_, key string) bool { return *bad != "" && key == *bad }
	secret := rand.Text()
	broker, err := uplinktest.NewBroker(*listen, secret, p.Allow)
	if err != nil {
		return err
	}
	defer broker.Close()
	attached, err := uplinktest.AttachEmbedded(p, broker.Addr(), secret)
	if err != nil {
		return err
	}
	defer attached.Close()
	fmt.Fprintf(os.Stderr, "%s platform on tcp://%s, product %s, device %s\n", kind, broker.Addr(), p.ProductID, p.Device)
	<-ctx.Done()
	seen := p.Seen()
	slices.SortFunc(seen.Points, func(a, b uplinktest.OnenetPoint) int { return int(a.Millis - b.Millis) })
	for _, v := range seen.Points {
		fmt.Printf("%s  %s  %s = %s\n", time.UnixMilli(v.Millis).Format(time.RFC3339), v.Device, v.Key, v.Value)
	}
	fmt.Fprintf(os.Stderr, "%d values stored from %d messages, %d repeats, %d violations\n", len(seen.Points), seen.Posts, seen.Repeats, len(seen.Violations))
	for _, v := range seen.Violations {
		fmt.Fprintln(os.Stderr, "violation:", v)
	}
	if len(seen.Violations) > 0 {
		return errors.New("the gateway did what the document does not allow")
	}
	return nil
}
