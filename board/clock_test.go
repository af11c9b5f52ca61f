package board

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// fakeBoard is a board with a clock that may be wrong, in the bubble's time.
type fakeBoard struct {
	began  time.Time // the right time at the start
	skew   time.Duration
	ntp    bool
	rtc    time.Duration // the RTC's error; noRTC: there is none
	sets   int
	refuse bool // the system's clock cannot be set
}

const noRTC = time.Duration(math.MaxInt64)

func (b *fakeBoard) right() time.Time { return time.Now() }

func (b *fakeBoard) clock(t *testing.T, set, synced bool) *Clock {
	b.began = time.Now()
	c := &Clock{NotBefore: b.began.AddDate(0, -1, 0), sys: clockSystem{
		now:    func() time.Time { return b.right().Add(b.skew) },
		uptime: func() time.Duration { return time.Since(b.began) + time.Second },
		ntp:    func() bool { return b.ntp },
		set: func(at time.Time) error {
			if b.refuse {
				return errors.New("operation not permitted")
			}
			b.skew = at.Sub(b.right().Round(0))
			b.sets++
			return nil
		},
		rtc: func() (time.Time, error) {
			if b.rtc == noRTC {
				return time.Time{}, errors.New("none")
			}
			return b.right().Add(b.rtc), nil
		},
		setRTC: func(at time.Time) error {
			if b.rtc == noRTC {
				return errors.New("none")
			}
			b.rtc = at.Sub(b.right().Round(0))
			return nil
		},
	}}
	c.Use(synced, set)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return c
}

func (b *fakeBoard) now() time.Time { return b.right().Add(b.skew) }

const years = 365 * 24 * time.Hour

func TestTheClockIsBelievedByTheBestWord(t *testing.T) {
	for _, c := range []struct {
		what    string
		board   fakeBoard
		platf   time.Duration // the platform's error
		meters  []time.Duration
		source  string
		trusted bool // when sane is enough
	}{
		{"NTP before all", fakeBoard{ntp: true, rtc: 0}, time.Hour, nil, "ntp", true},
		{"the RTC", fakeBoard{rtc: 10 * time.Second}, time.Hour, nil, "rtc", true},
		{"a platform", fakeBoard{rtc: noRTC}, 5 * time.Second, []time.Duration{time.Hour}, "platform das", true},
		{"meters", fakeBoard{rtc: noRTC}, noRTC, []time.Duration{-time.Hour, 30 * time.Second, time.Minute, 90 * time.Second, 5 * years}, "meters", true},
		{"nobody, but it is after the build", fakeBoard{rtc: noRTC}, noRTC, nil, "system", true},
		{"nobody agrees", fakeBoard{rtc: noRTC}, time.Hour, nil, "system", true},
		{"an RTC whose battery is flat", fakeBoard{rtc: -20 * years}, 0, nil, "platform das", true},
		{"1970", fakeBoard{skew: -30 * years, rtc: noRTC}, noRTC, nil, "none", false},
		{"a platform that is wrong itself", fakeBoard{rtc: noRTC}, -20 * years, nil, "system", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := c.board
				clock := b.clock(t, false, false)
				if c.platf != noRTC {
					clock.Offer("das", b.right().Add(c.platf))
				}
				for i, off := range c.meters {
					clock.OfferMeter(fmt.Sprint(i), b.right().Add(off))
				}
				time.Sleep(30 * time.Second) // words stay as right as they were
				if got := clock.Source(b.now()); got != c.source {
					t.Errorf("by the word of %q, want %q; %+v", got, c.source, clock.Opinions())
				}
				if got := clock.Trusted(b.now()); got != c.trusted {
					t.Errorf("trusted %v", got)
				}
				if b.sets != 0 {
					t.Error("it was set, which is not allowed")
				}
				clock.Use(true, false)
				if got := clock.Trusted(b.now()); got != b.ntp {
					t.Errorf("trusted %v although only the kernel's word counts", got)
				}
			})
		})
	}
}

func TestTheClockIsSetByTheBestWord(t *testing.T) {
	for _, c := range []struct {
		what   string
		board  fakeBoard
		platf  time.Duration
		meters []time.Duration
		after  time.Duration // of waiting
		sets   int
		skew   time.Duration // then
		rtc    time.Duration
	}{
		{"1970, and an RTC", fakeBoard{skew: -30 * years}, time.Hour, nil, time.Minute, 1, 0, 0},
		{"1970, and a platform; the RTC is set too", fakeBoard{skew: -30 * years, rtc: -20 * years}, 0, nil, time.Minute, 1, 0, 0},
		{"1970, and one meter", fakeBoard{skew: -30 * years, rtc: noRTC}, noRTC, []time.Duration{30 * time.Second}, time.Minute, 1, 30 * time.Second, noRTC},
		{"a little off", fakeBoard{skew: 9 * time.Second, rtc: noRTC}, 0, nil, time.Hour, 0, 9 * time.Second, noRTC},
		{"an hour fast is left to NTP at first", fakeBoard{skew: time.Hour, rtc: noRTC}, 0, nil, 9 * time.Minute, 0, time.Hour, noRTC},
		{"an hour fast is corrected when NTP does not come", fakeBoard{skew: time.Hour, rtc: noRTC}, 0, nil, 11 * time.Minute, 1, 0, noRTC},
		{"an hour fast against two meters", fakeBoard{skew: time.Hour, rtc: noRTC}, noRTC, []time.Duration{0, 0}, time.Hour, 0, time.Hour, noRTC},
		{"an hour fast against three meters", fakeBoard{skew: time.Hour, rtc: noRTC}, noRTC, []time.Duration{0, time.Second, time.Second}, time.Hour, 1, time.Second, noRTC},
		{"an hour fast against three that do not agree", fakeBoard{skew: time.Hour, rtc: noRTC}, noRTC, []time.Duration{-2 * time.Hour, 0, 2 * time.Hour}, time.Hour, 0, time.Hour, noRTC},
		{"the kernel keeps it", fakeBoard{skew: time.Hour, ntp: true, rtc: 0}, 0, nil, time.Hour, 0, time.Hour, 0},
		{"a word of last week", fakeBoard{skew: -30 * years, rtc: noRTC}, noRTC, nil, time.Minute, 0, -30 * years, noRTC},
		{"it cannot be set", fakeBoard{skew: -30 * years, refuse: true}, 0, nil, time.Hour, 0, -30 * years, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := c.board
				clock := b.clock(t, true, false)
				if c.what == "a word of last week" {
					b.rtc = noRTC
					clock.Use(false, false)
					clock.Offer("das", b.right())
					time.Sleep(7 * 24 * time.Hour)
					clock.Use(false, true)
				}
				if c.platf != noRTC {
					clock.Offer("das", b.right().Add(c.platf))
				}
				for i, off := range c.meters {
					clock.OfferMeter(fmt.Sprint(i), b.right().Add(off))
				}
				time.Sleep(c.after)
				synctest.Wait()
				if b.sets != c.sets || b.skew != c.skew || b.rtc != c.rtc {
					t.Errorf("set %d times, now %v off, the RTC %v; want %d, %v, %v", b.sets, b.skew, b.rtc, c.sets, c.skew, c.rtc)
				}
			})
		})
	}
}

// TestTheClockIsNotCorrectedAllTheTime: a platform that jumps moves it once an
// hour at most.
func TestTheClockIsNotCorrectedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fakeBoard{rtc: noRTC}
		clock := b.clock(t, true, false)
		for i := range 360 {
			clock.Offer("das", b.right().Add(time.Duration(i%2)*time.Hour))
			time.Sleep(time.Minute)
		}
		if b.sets > 6 {
			t.Errorf("set %d times in six hours", b.sets)
		}
	})
}

func TestMetersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fakeBoard{rtc: noRTC}
		clock := b.clock(t, false, false)
		for i := range 2 * mostMeters {
			clock.OfferMeter(fmt.Sprint(i), b.right())
		}
		if o, ok := clock.best(); !ok || o.Meters != mostMeters {
			t.Errorf("%+v", o)
		}
	})
}

func TestTheRTCThatTheKernelUses(t *testing.T) {
	class := t.TempDir()
	for name, files := range map[string]map[string]string{
		"rtc0": {"since_epoch": "100\n", "hctosys": "0\n"},
		"rtc1": {"since_epoch": "1795255200\n", "hctosys": "1\n"},
	} {
		if err := os.Mkdir(filepath.Join(class, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(class, name, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if at, err := readRTCIn(class); err != nil || at.Unix() != 1795255200 {
		t.Error(at, err)
	}
	if err := os.RemoveAll(filepath.Join(class, "rtc1")); err != nil {
		t.Fatal(err)
	}
	if at, err := readRTCIn(class); err != nil || at.Unix() != 100 {
		t.Error(at, err)
	}
	if _, err := readRTCIn(filepath.Join(class, "none")); err == nil {
		t.Error("there is none")
	}
}

// TestAnNTPServerCountsBeforeTheRTC, whose clock goes wrong by and by.
func TestAnNTPServerCountsBeforeTheRTC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fakeBoard{skew: time.Minute, rtc: time.Minute}
		c := b.clock(t, true, false)
		c.OfferServer("ntp.test", b.right())
		if source := c.Source(b.now()); source != SourceSystem {
			t.Errorf("a minute off it is believed by %s", source)
		}
		time.Sleep(ntpTime + 2*clockLooked)
		synctest.Wait()
		if b.sets != 1 || b.skew.Abs() > time.Second || b.rtc.Abs() > time.Second {
			t.Errorf("set %d times, off by %v, the RTC by %v", b.sets, b.skew, b.rtc)
		}
		if source := c.Source(b.now()); source != "server ntp.test" {
			t.Errorf("it is believed by %s", source)
		}
		time.Sleep(serverFor) // its word is old now
		synctest.Wait()
		if source := c.Source(b.now()); source != SourceRTC {
			t.Errorf("hours later it is believed by %s", source)
		}
	})
}
