package board

import (
	"hash/crc32"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells whether the system's time can be believed.
type Clock struct {
	// Synced asks for the kernel's word (NTP); otherwise any time behind
	// NotBefore will do.
	Synced    bool
	NotBefore time.Time // the build date of the program
}

// Trusted reports whether now can be believed.
func (c Clock) Trusted(now time.Time) bool {
	if now.Before(c.NotBefore) {
		return false
	}
	return !c.Synced || kernelSynced()
}

// Source names what the clock is believed by: "ntp", "system", or "none".
func (c Clock) Source(now time.Time) string {
	switch {
	case kernelSynced():
		return "ntp"
	case c.Trusted(now):
		return "system"
	}
	return "none"
}

// kernelSynced asks the kernel whether something keeps its clock in step.
func kernelSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
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
