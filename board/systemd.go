package board

import (
	"net"
	"os"
	"strconv"
	"time"
)

// Notify tells systemd how the program fares ("READY=1", "WATCHDOG=1",
// "STOPPING=1"; see sd_notify(3)). Where nobody wants to know it does nothing.
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

// SystemdWatchdog gives the time within which systemd wants to hear of us, 0
// if it does not.
func SystemdWatchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || n <= 0 || os.Getenv("NOTIFY_SOCKET") == "" {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}
