package board

import (
	"cmp"
	"context"
	"hash/crc32"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells whether the system's time can be believed, and by whose word. Of
// those who know the time the first counts that there is: the kernel, when
// something keeps it in step (NTP); an NTP server that this program asks; the
// RTC; a platform; the median of the
// meters' clocks. It sets the system's clock when nothing else does and it is
// allowed to (Set).
type Clock struct {
	NotBefore time.Time    // the build date of the program: no time before it is right
	Log       *slog.Logger // nil: none

	mu        sync.Mutex
	synced    bool             // only the kernel's word counts; guarded by mu
	set       bool             // we may set the clock; guarded by mu
	rtc       known            // guarded by mu
	platforms map[string]known // guarded by mu
	meters    map[string]known // guarded by mu
	server    known            // of the NTP server that answered last; guarded by mu
	serverIs  string           // its name; guarded by mu
	setAt     time.Duration    // when we set it last, by uptime; 0: never; guarded by mu
	sys       clockSystem      // the kernel, unless a test says otherwise
}

// known is a time that somebody knew.
type known struct {
	time time.Time
	at   time.Duration // when, by uptime
}

// now gives the time that was known, as it is now.
func (k known) now(uptime time.Duration) time.Time { return k.time.Add(uptime - k.at) }

// clockSystem is what the clock needs of the kernel.
type clockSystem struct {
	now    func() time.Time
	uptime func() time.Duration
	ntp    func() bool
	set    func(time.Time) error
	rtc    func() (time.Time, error)
	setRTC func(time.Time) error
}

// Names of those who know the time. A platform is "platform NAME".
const (
	SourceNTP    = "ntp"
	SourceRTC    = "rtc"
	SourceMeters = "meters"
	SourceSystem = "system" // nobody vouches for it, but it is after the build date
	SourceNone   = "none"
)

const (
	platformPrefix = "platform "
	serverPrefix   = "server " // of NTP, that this program asks
)

// Opinion is what somebody who knows the time says of the system's clock.
type Opinion struct {
	Source string
	Offset time.Duration // of the system's clock against it: positive, it is fast
	Age    time.Duration // since it was asked
	Meters int           // whose median it is
}

const (
	// How long a word counts, and how far the system's clock may be off before
	// it is not that word any more.
	rtcFor, rtcWithin           = 5 * time.Minute, 30 * time.Second
	platformFor, platformWithin = 26 * time.Hour, 10 * time.Second
	serverFor, serverWithin     = 3 * time.Hour, 2 * time.Second
	metersFor, metersWithin     = 26 * time.Hour, 2 * time.Minute
	// mostMeters bounds whose clocks are remembered.
	mostMeters = 4096
	// fewestMeters must agree before they correct a clock that is not plainly
	// wrong.
	fewestMeters = 3
	// clockLooked is how often it is seen whether the clock is to be set.
	clockLooked = 10 * time.Second
	// A clock that may be right is left to NTP for ntpTime from our start, and
	// corrected once an hour at most.
	ntpTime      = 10 * time.Minute
	correctAgain = time.Hour
)

// Use has the clock believed, and set, as a configuration says.
func (c *Clock) Use(synced, set bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.synced, c.set = synced, set
}

// mostYears is how long after its build the program may be at work.
const mostYears = 20

// sane reports whether a time may be right at all: neither before the program
// was built nor long after.
func (c *Clock) sane(t time.Time) bool {
	return !t.Before(c.NotBefore) && (c.NotBefore.IsZero() || t.Before(c.NotBefore.AddDate(mostYears, 0, 0)))
}

// Trusted reports whether now can be believed.
func (c *Clock) Trusted(now time.Time) bool {
	if !c.sane(now) {
		return false
	}
	c.mu.Lock()
	synced := c.synced
	c.mu.Unlock()
	return !synced || c.system().ntp()
}

// system gives the kernel, or what a test has put in its place.
func (c *Clock) system() clockSystem {
	if c.sys.now == nil {
		return clockSystem{now: time.Now, uptime: Uptime, ntp: kernelSynced, set: setSystemTime, rtc: readRTC, setRTC: writeRTC}
	}
	return c.sys
}

// Offer takes the time that a platform knows.
func (c *Clock) Offer(platform string, t time.Time) {
	if !c.sane(t) {
		return
	}
	k := known{t.Round(0), c.system().uptime()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.platforms == nil {
		c.platforms = map[string]known{}
	}
	c.platforms[platform] = k
}

// OfferServer takes the time that an NTP server has told.
func (c *Clock) OfferServer(server string, t time.Time) {
	if !c.sane(t) {
		return
	}
	k := known{t.Round(0), c.system().uptime()}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server, c.serverIs = k, server
}

// OfferMeter takes the time that a meter's clock shows.
func (c *Clock) OfferMeter(meter string, t time.Time) {
	if !c.sane(t) {
		return
	}
	k := known{t.Round(0), c.system().uptime()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.meters == nil {
		c.meters = map[string]known{}
	}
	if _, ok := c.meters[meter]; ok || len(c.meters) < mostMeters {
		c.meters[meter] = k
	}
}

// Source names by whose word the clock is believed.
func (c *Clock) Source(now time.Time) string {
	if c.system().ntp() {
		return SourceNTP
	}
	if o, ok := c.best(); ok && o.agrees() {
		return o.Source
	}
	if !c.sane(now) {
		return SourceNone
	}
	return SourceSystem
}

// Opinions gives what each says who knows the time, those first that count
// most.
func (c *Clock) Opinions() []Opinion {
	sys := c.system()
	now, up := sys.now().Round(0), sys.uptime()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Opinion
	add := func(source string, k known, longest time.Duration) {
		if !k.time.IsZero() && up-k.at <= longest {
			out = append(out, Opinion{Source: source, Offset: now.Sub(k.now(up)), Age: up - k.at})
		}
	}
	add(serverPrefix+c.serverIs, c.server, serverFor)
	add(SourceRTC, c.rtc, rtcFor)
	for _, name := range sortedKeys(c.platforms) {
		add(platformPrefix+name, c.platforms[name], platformFor)
	}
	if o, ok := c.medianLocked(now, up); ok {
		out = append(out, o)
	}
	return out
}

func sortedKeys(m map[string]known) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// medianLocked gives the median of the meters' clocks: that of an even number
// is the one nearer to the earlier.
func (c *Clock) medianLocked(now time.Time, up time.Duration) (Opinion, bool) {
	var all []Opinion
	for _, k := range c.meters {
		if age := up - k.at; age <= metersFor {
			all = append(all, Opinion{Source: SourceMeters, Offset: now.Sub(k.now(up)), Age: age})
		}
	}
	if len(all) == 0 {
		return Opinion{}, false
	}
	slices.SortFunc(all, func(a, b Opinion) int { return cmp.Compare(a.Offset, b.Offset) })
	o := all[len(all)/2]
	for _, other := range all {
		if (other.Offset - o.Offset).Abs() <= metersWithin {
			o.Meters++
		}
	}
	return o, true
}

// best gives the word that counts.
func (c *Clock) best() (Opinion, bool) {
	all := c.Opinions()
	if len(all) == 0 {
		return Opinion{}, false
	}
	return all[0], true
}

// within is how far the system's clock may be off this word.
func (o Opinion) within() time.Duration {
	switch {
	case o.Source == SourceRTC:
		return rtcWithin
	case strings.HasPrefix(o.Source, serverPrefix):
		return serverWithin
	case o.Source == SourceMeters:
		return metersWithin
	}
	return platformWithin
}

func (o Opinion) agrees() bool { return o.Offset.Abs() <= o.within() }

// Run looks at the RTC, and sets the clock where it has to, until the context
// ends.
func (c *Clock) Run(ctx context.Context) error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	t := time.NewTicker(clockLooked)
	defer t.Stop()
	began := c.system().uptime()
	for looks := 0; ; looks++ {
		if looks%6 == 0 {
			c.askRTC()
		}
		c.keep(c.system().uptime() - began)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (c *Clock) askRTC() {
	sys := c.system()
	t, err := sys.rtc()
	k := known{t.Round(0), sys.uptime()}
	if err != nil || !c.sane(t) { // none, or its battery is flat
		k = known{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rtc = k
}

// keep sets the clock if nothing else does, it may, and somebody knows better.
func (c *Clock) keep(running time.Duration) {
	sys := c.system()
	c.mu.Lock()
	may, setAt := c.set, c.setAt
	c.mu.Unlock()
	if !may || sys.ntp() {
		return
	}
	o, ok := c.best()
	if !ok || o.agrees() {
		return
	}
	up := sys.uptime()
	if wrong := !c.sane(sys.now()); !wrong {
		tooSoon := running < ntpTime || setAt > 0 && up-setAt < correctAgain
		if tooSoon || o.Source == SourceMeters && o.Meters < fewestMeters {
			return
		}
	}
	right := sys.now().Add(-o.Offset).Round(0)
	if err := sys.set(right); err != nil {
		c.Log.Error("the clock cannot be set", "source", o.Source, "err", err)
		c.mu.Lock()
		c.set = false // it will not be possible later either
		c.mu.Unlock()
		return
	}
	c.Log.Warn("the clock is set", "source", o.Source, "by_s", int64(-o.Offset/time.Second))
	c.mu.Lock()
	c.setAt = max(up, 1)
	c.mu.Unlock()
	if o.Source == SourceRTC {
		return
	}
	if err := sys.setRTC(right); err != nil {
		c.Log.Info("the RTC is not set", "err", err)
	}
	c.askRTC()
}

// kernelSynced asks the kernel whether something keeps its clock in step.
func kernelSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

func setSystemTime(t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
}

// Uptime is the time since the system's start, suspended time included.
func Uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// BootID names this start of the system by a number, 0 if it is not known.
func BootID() uint32 {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	return crc32.ChecksumIEEE([]byte(strings.TrimSpace(string(b))))
}
