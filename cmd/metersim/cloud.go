package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"meterd/uplink/uplinktest"
)

func runCloud(ctx context.Context, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = append([]string{"tuya"}, args...) // -h explains
	}
	if len(args) > 0 && otherClouds[args[0]] != nil {
		return runOtherCloud(ctx, args[0], args[1:])
	}
	if len(args) == 0 || args[0] != "tuya" {
		fmt.Fprintln(os.Stderr, "error: want metersim cloud tuya, onenet, onenet-studio, das, iotkit or mqtt")
		return errUsage
	}
	f := flags("cloud tuya")
	listen := f.String("listen", "127.0.0.1:21883", "where the broker listens")
	faults := cloudFaults{kind: "tuya"}
	f.Func("fault", faults.usage(), faults.set)
	if err := parse(f, args[1:]); err != nil {
		return err
	}
	if faults.help {
		faults.list(os.Stdout)
		return nil
	}
	platform := &uplinktest.Tuya{Answer: func(what, _, _ string) (code int, silent bool) {
		if what != "report" {
			return 0, false
		}
		return faults.answer(tuyaCodes)
	}}
	var mu sync.Mutex
	platform.Stored = func(r uplinktest.Report) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%s  %s  DP %-2s = %s\n", time.Unix(r.T, 0).Format(time.RFC3339), r.CID, r.DP, r.Value)
	}
	c, err := startCloud(&simulated{Platform: platform, rules: uplinktest.Rules{Allow: func(id, user, password string) bool {
		return password == uplinktest.Password(id, user)
	}}}, *listen)
	if err != nil {
		return err
	}
	defer c.close()
	fmt.Fprintf(os.Stderr, "tuya platform on tcp://%s; the password is the MD5 of client id and user name\n", c.addr)
	<-ctx.Done()
	seen := platform.Seen()
	fmt.Fprintf(os.Stderr, "%d properties stored, %d repeats, %d violations\n", len(seen.Reports), seen.Repeats, len(seen.Violations))
	for _, v := range seen.Violations {
		fmt.Fprintln(os.Stderr, "violation:", v)
	}
	if len(seen.Violations) > 0 {
		return errors.New("the gateway did what the document does not allow")
	}
	return nil
}

// tuyaCodes are the faults that answer with a code.
var tuyaCodes = map[string]int{"busy": 500, "untimely": 1001, "range": 1101, "offline": 2001, "unsupported": 2002, "forget": 2003}
