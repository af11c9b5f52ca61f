package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// rtcName gives the RTC that the kernel takes its time from at the start, or
// else the first.
func rtcName(class string) (string, error) {
	all, err := filepath.Glob(filepath.Join(class, "rtc*"))
	if err != nil || len(all) == 0 {
		return "", fmt.Errorf("board: there is no RTC in %s", class)
	}
	for _, dir := range all {
		if b, err := os.ReadFile(filepath.Join(dir, "hctosys")); err == nil && strings.TrimSpace(string(b)) == "1" {
			return filepath.Base(dir), nil
		}
	}
	return filepath.Base(all[0]), nil
}

const rtcClass = "/sys/class/rtc"

func readRTC() (time.Time, error) { return readRTCIn(rtcClass) }

// readRTCIn reads the RTC, which counts in UTC.
func readRTCIn(class string) (time.Time, error) {
	name, err := rtcName(class)
	if err != nil {
		return time.Time{}, err
	}
	b, err := os.ReadFile(filepath.Join(class, name, "since_epoch"))
	if err != nil {
		return time.Time{}, fmt.Errorf("board: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("board: %s: %w", name, err)
	}
	return time.Unix(n, int64(time.Second/2)), nil // in the middle of its second
}

// writeRTC sets the RTC.
func writeRTC(t time.Time) error {
	name, err := rtcName(rtcClass)
	if err != nil {
		return err
	}
	f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	defer f.Close()
	u := t.UTC()
	set := unix.RTCTime{
		Sec: int32(u.Second()), Min: int32(u.Minute()), Hour: int32(u.Hour()),
		Mday: int32(u.Day()), Mon: int32(u.Month()) - 1, Year: int32(u.Year()) - 1900,
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.IoctlSetRTCTime(int(fd), &set) }); err != nil {
		return fmt.Errorf("board: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("board: %s: %w", name, failed)
	}
	return nil
}
