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

// TestFigureOfFilling prints what filling brings and costs: 32 meters at 2400
// baud whose quarter-hours are read; the line is cut for eight hours, then the
// board is off for eight; then six hours to fill.
func TestFigureOfFilling(t *testing.T) {
	if testing.Short() {
		t.Skip("a figure, not a check")
	}
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
		p := newPlace(t, 32, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 72 * time.Hour})
		p.timing.Baud, p.timing.Timeout = 2400, 2*time.Second // an answer comes as a whole here
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		start := time.Now()
		var answers int
		var longest, waited time.Duration
		p.changed = func(c *PollerConfig) {
			var sent time.Time
			c.Bus = NewBus("b1", p.timing, c.Bus.open, func(tr Trace) {
				if tr.Sent {
					sent = tr.At
				} else if answers++; tr.At.Sub(sent) > longest && tr.At.Sub(sent) < 5*time.Second {
					longest = tr.At.Sub(sent)
				}
			})
		}
		p.run(t, 10*time.Hour, func() {
			time.Sleep(2 * time.Hour)
			p.line.Unplug(true)
		})
		time.Sleep(8 * time.Hour)
		back := time.Now()
		p.run(t, 6*time.Hour, func() {
			for range 60 { // somebody asks for a value now and then
				time.Sleep(5*time.Minute + 7*time.Second)
				began := time.Now()
				if _, err := p.last.ReadNow(t.Context(), p.handles[3], dlt645.DI{Code: 0x02800002}); err == nil {
					waited = max(waited, time.Since(began))
				}
			}
		})
		missing, wrong, doubled, made := 0, 0, 0, 0
		for _, m := range p.meters {
			for at := nextRound(start, 15*time.Minute, time.UTC); at.Before(back); at = nextRound(at, 15*time.Minute, time.UTC) {
				value, n, recalled := p.of(m, "energy.forward.total", at)
				want, _ := m.RegisterAt(0x00010000, at)
				switch {
				case n == 0:
					missing++
				case n > 1:
					doubled++
				case recalled && value != want.String():
					wrong++
				}
				if recalled {
					made++
				}
			}
		}
		if missing+wrong+doubled > 0 || made == 0 {
			t.Error("what the meters kept is not there once, and right")
		}
		late, rounds := 0, 0
		for _, r := range p.readings {
			switch {
			case r.Recalled:
			case r.Round.After(back.Add(15 * time.Minute)):
				rounds++
				if r.Time.Sub(r.Round) > time.Minute {
					late++
				}
			}
		}
		t.Logf("of the moments of 16 hours, 32 meters: %d made up, %d missing, %d wrong, %d doubled", made, missing, wrong, doubled)
		t.Logf("meanwhile %d of %d live rounds were more than a minute late; a command took %v at most, the longest transaction is %v", late, rounds, waited.Round(time.Millisecond), longest.Round(time.Millisecond))
		h := History{Of: Load, Points: points}
		reqs, records := h.Requests()
		sent, values := 0, 0
		for _, r := range reqs {
			c := r.Cost(4)
			sent += c.Sent + c.Received
		}
		values = records * 2 * 4
		t.Logf("a day of quarter-hours of one meter: %d bytes on the line for %d of values, ratio %.1f; one record a request: ratio %.1f", sent*96/records, values*96/records, float64(sent)/float64(values), float64(loadSingle(points))/8)
	})
}

// loadSingle gives the bytes of a request and an answer of one load record.
func loadSingle(points []Point) (n int) {
	for _, r := range Load.asked(points) {
		n += 2*4 + dlt645.FrameLen(4+loadRequestMore) + dlt645.FrameLen(4+dlt645.LoadWidth(int(r.DI.Code>>16&0xFF)))
	}
	return n
}
