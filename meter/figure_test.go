package meter

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestFigureOfCPU prints what 1000 transactions cost, with one meter and with
// 1000 on 8 lines. It asserts nothing about time.
func TestFigureOfCPU(t *testing.T) {
	if testing.Short() {
		t.Skip("a figure, not a check")
	}
	const lines = 8
	cost := func(meters int) time.Duration {
		var per time.Duration
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
			defer cancel()
			var running sync.WaitGroup
			var pollers []*Poller
			points := pointsOf(t, "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency")
			for l := range min(lines, meters) {
				ours, theirs := dlt645test.Pipe()
				var configs []*Handle
				for i := l; i < meters; i += lines {
					configs = append(configs, &Handle{Name: "m", Address: address(i), Groups: []Group{{Every: 10 * time.Minute, Points: points}}})
				}
				if meters < lines { // one meter, as many transactions
					configs[0].Groups[0].Every = 10 * time.Second
				}
				go echo(theirs)
				bus := NewBus("cpu", Timing{Baud: 19200, Timeout: time.Second}, func() (Port, error) { return ours, nil }, nil)
				p := NewPoller(PollerConfig{Bus: bus, Meters: configs, Sink: func(Reading) {}})
				pollers = append(pollers, p)
				running.Go(func() {
					p.Run(ctx)
					theirs.Close()
				})
			}
			before := cpuTime()
			running.Wait()
			spent := cpuTime() - before
			requests := 0
			for _, p := range pollers {
				requests += p.Bus().Counts().Requests
			}
			per = spent * 1000 / time.Duration(max(requests, 1))
			synctest.Wait()
		})
		return per
	}
	cost(1000) // warm
	one, many := cost(1), cost(1000)
	t.Logf("CPU for 1000 transactions, the simulated meters included: 1 meter %v, 1000 meters on 8 lines %v, ratio %.2f", one, many, float64(many)/float64(one))
}

// echo answers each read at once with a value that is right for its width.
func echo(end *dlt645test.End) {
	buf := make([]byte, 512)
	var req dlt645.Frame
	for {
		n, err := end.Read(buf)
		if err != nil {
			return
		}
		if _, ok := dlt645.Scan(buf[:n], &req); !ok {
			continue
		}
		di, _ := req.DI()
		b, err := dlt645.AnswerTo(req, req.Address, make([]byte, dlt645.AnswerWidth(di)), false).AppendBinary(nil)
		if err != nil {
			return
		}
		end.Write(b)
	}
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
